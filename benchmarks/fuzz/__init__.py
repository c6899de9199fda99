"""Call everything public with odd values, and count what becomes of it.

A case is a valid small call of which one or two arguments are replaced by odd ones: parameters at
their edges, matrices of every format and kind, corrupt ones too, indices, times, tables and files.
Each runs in a worker process, so that a crash, a hang or a gigantic allocation is a result like
any other. Case N of a seed is always the same; --case N runs it in this process, with traceback.

An outcome is one of
  accepted  an answer that holds what it must: shape, range, no seen items, the same interactions
  clear     an error of an expected class, raised by a raise statement of skrec or sklearn.utils,
            whose message has the name of a parameter of the call (X and y among them)
  obscure   any other error, and an error where the input is valid
  slow      no answer within --seconds
  crashed   the process died
  silent    an answer where the input must be refused, or an answer that is wrong
"""
