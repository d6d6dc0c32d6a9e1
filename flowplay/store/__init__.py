"""What is kept beyond a process: runs, shared runs and data, in a database.

`Store` is the database: SQLite in the user's data folder, or the one that `FLOWPLAY_DATABASE`
names. `Runs` and `Data` are what is asked of it. Only server processes import SQLAlchemy.

Only bytes of `flowplay.wire` are kept: nothing that is read back can be executed. A database that
is away makes every call raise `StoreError`, with a sentence for the reader.

To add a table:

1. Write a class below `Base` in `schema.py`, and raise `SCHEMA`.
2. Write `migrations/versions/NNNN_NAME.py`, whose `revision` is the new `SCHEMA` and whose
   `down_revision` the one before. `tests/store/test_store.py` says where it differs from the class.
3. Write a module beside `runs.py`: a class that is given the `Store` and has one method for each
   thing that is asked, within `store.reading()` or `store.writing()`.
"""

from flowplay.store.errors import OTHER_VERSION, StoreError
from flowplay.store.ids import is_id, new_id, secret_digest

__all__ = ["OTHER_VERSION", "StoreError", "is_id", "new_id", "secret_digest"]
