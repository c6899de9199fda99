"""Small archives in the formats in which the data sets are published, and a server for them."""

import hashlib
import io
import threading
import zipfile
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from skrec.datasets._sources import DATASETS

GENRES = ("unknown", "Action", "Comedy", "Drama")
U_DATA = "196\t242\t3\t881250949\n186\t302\t4\t891717742\n196\t302\t5\t881250950\n186\t7\t1\t3\n"
RATINGS_DAT = "5::30::4::100\n5::10::3::50\n9::20::5::70\n9::10::2::90\n"
RATINGS_CSV = (
    "userId,movieId,rating,timestamp\n1,30,3.5,100\n1,10,0.5,50\n2,30,5.0,70\n2,20,4.0,9\n"
)


def zipped(folder, members):
    """Return the bytes of an archive with one folder."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(f"{folder}/{name}", content)
    return buffer.getvalue()


def u_item(item, title, *genres):
    """Return a line of u.item: id, title, dates, address, one flag a genre."""
    flags = "|".join(str(int(genre in genres)) for genre in GENRES)
    return f"{item}|{title}|01-Jan-1995||http://example.org/|{flags}\n"


def ml_100k():
    items = (
        u_item(7, 'Twelve "12" Monkeys (1995)', "Drama")
        + u_item(242, "Misérables, Les (1995)", "Drama", "Comedy")
        + u_item(302, "unknown", "unknown")
        + u_item(303, "Never Rated (1996)", "Action")
    )
    genres = "".join(f"{genre}|{i}\n" for i, genre in enumerate(GENRES)) + "\n"
    return zipped(
        "ml-100k",
        {
            "README": "",
            "u.data": U_DATA,
            "u.item": items.encode("latin-1"),
            "u.genre": genres,
            "ua.test": "196\t302\t5\t881250950\n186\t7\t1\t3\n",
        },
    )


def ml_dat(folder, encoding):
    movies = (
        "10::Star Wars: Episode IV (1977)::Action|Sci-Fi\n"
        "20::Belle Époque (1992)::Comedy\n"
        "30::NA::Drama\n"
        "40::Never Rated (1999)::Drama\n"
    )
    members = {"ratings.dat": RATINGS_DAT, "movies.dat": movies.encode(encoding), "README": ""}
    return zipped(folder, members)


def ml_csv(folder):
    movies = (
        'movieId,title,genres\n10,"Postino, Il (1994)",Drama\n'
        "20,Amélie (2001),(no genres listed)\n30,Heat (1995),Action|Crime\n"
    )
    members = {"ratings.csv": RATINGS_CSV, "movies.csv": movies, "tags.csv": "userId\n"}
    return zipped(folder, members)


NCF_NEGATIVES = b"(0,1)\t2\t1\n(1,1)\t0\t2\n"  # ml_dat: users 5, 9 and items 30, 10, 20 in order
ORIGINALS = {
    "ml-100k": ({"ml-100k.zip": ml_100k()}, 4),
    "ml-1m": ({"ml-1m.zip": ml_dat("ml-1m", "latin-1"), "ml-1m.test.negative": NCF_NEGATIVES}, 4),
    "ml-10m": ({"ml-10m.zip": ml_dat("ml-10M100K", "utf-8")}, 4),
    "ml-20m": ({"ml-20m.zip": ml_csv("ml-20m")}, 4),
    "ml-25m": ({"ml-25m.zip": ml_csv("ml-25m")}, 4),
    "ml-32m": ({"ml-32m.zip": ml_csv("ml-32m")}, 4),
    "gowalla": ({"train.txt": b"0 5 6 7\n1 6 8\n2 7\n", "test.txt": b"0 8\n1 5 \n2\n"}, 8),
    "amazon-music": (
        {
            "AMusic.train.rating": b"0\t3\t5\n0\t4\t4\n1\t4\t1\n1\t5\t2\n",
            "AMusic.test.rating": b"0\t5\t3\n1\t6\t5\n",
            "AMusic.test.negative": b"(0,5)\t6\t4\n(1,6)\t6\t3\n",
        },
        6,
    ),
}


class Server:
    """A local stand-in for the hosts of the data sets.

    `files` maps a name to its bytes, `claimed` to a length that is more than what is sent.
    """

    def __init__(self):
        self.files, self.claimed, self.requests = {}, {}, []
        handler = type("Handler", (_Handler,), {"owner": self})
        self.http = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self.thread = threading.Thread(target=self.http.serve_forever, args=(0.01,))

    @property
    def url(self):
        return f"http://127.0.0.1:{self.http.server_address[1]}/"

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.http.shutdown()
        self.thread.join()
        self.http.server_close()


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        name = self.path.rpartition("/")[2]
        self.owner.requests.append(name)
        if name not in self.owner.files:
            self.send_error(404)
            return
        content = self.owner.files[name]
        self.send_response(200)
        self.send_header("Content-Length", str(self.owner.claimed.get(name, len(content))))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_):
        pass


@pytest.fixture
def server(monkeypatch):
    """Serve the small originals in place of the real hosts, with their right checksums."""
    for variable in ("no_proxy", "NO_PROXY"):
        monkeypatch.setenv(variable, "127.0.0.1")
    with Server() as server:
        for name, (files, n_interactions) in ORIGINALS.items():
            server.files |= files
            remotes = tuple(
                replace(
                    remote,
                    url=server.url + remote.filename,
                    checksum="sha256:" + hashlib.sha256(files[remote.filename]).hexdigest(),
                )
                for remote in DATASETS[name].remotes
            )
            local = replace(DATASETS[name], remotes=remotes, n_interactions=n_interactions)
            monkeypatch.setitem(DATASETS, name, local)
        yield server
