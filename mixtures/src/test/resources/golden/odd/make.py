"""Writes the files of this folder that come from real writers; see README.md.

python3 -m venv venv && venv/bin/pip install pyarrow==26.0.1 webdataset==1.0.2 pandas==3.1.1
venv/bin/python make.py .
"""

import datetime
import decimal
import io
import sys
import tarfile

import pandas as pd
import pyarrow as pa
import pyarrow.ipc as ipc
import pyarrow.parquet as pq
import webdataset as wds

out = sys.argv[1] + "/"

# Columns of every layout between columns that are asked for: what stands behind them moves.
rows = 5
struct = pa.struct([("x", pa.int32()), ("y", pa.string())])
columns = {
    "first": pa.array([f"first {i}" for i in range(rows)]),
    "view": pa.array([None if i == 1 else "v" * (5 * i) for i in range(rows)], pa.string_view()),
    "views": pa.array([["a" * 20, "b"]] * rows, pa.list_(pa.binary_view())),
    "encoded": pa.array(["a", "b", "a", None, "b"]).dictionary_encode(),
    "encoded_structs": pa.DictionaryArray.from_arrays(
        pa.array([0, 1, 0, 1, 0], pa.int8()), pa.array([{"x": 1, "y": "s"}, {"x": 2, "y": "t"}], struct)
    ),
    "sparse": pa.UnionArray.from_sparse(
        pa.array([0, 1, 0, 1, 0], pa.int8()), [pa.array(range(rows)), pa.array(list("abcde"))]
    ),
    "dense": pa.UnionArray.from_dense(
        pa.array([0, 1, 0, 1, 0], pa.int8()),
        pa.array([0, 0, 1, 1, 2], pa.int32()),
        [pa.array(range(3)), pa.array(list("ab"))],
    ),
    "runs": pa.RunEndEncodedArray.from_arrays([2, 5], ["a", "b"]),
    "list_view": pa.array([[i, i + 1] for i in range(rows)], pa.list_view(pa.int32())),
    "large_list_view": pa.array([[str(i)] for i in range(rows)], pa.large_list_view(pa.string())),
    "interval": pa.array([(1, 2, 3)] * rows, pa.month_day_nano_interval()),
    "nothing": pa.nulls(rows),
    "decimal": pa.array([decimal.Decimal("1.50") * (i - 2) for i in range(rows)], pa.decimal128(9, 2)),
    "decimal256": pa.array([decimal.Decimal(10**40 + i) for i in range(rows)], pa.decimal256(50, 0)),
    "large": pa.array([f"large {i}" for i in range(rows)], pa.large_string()),
    "time": pa.array([datetime.datetime(2026, 1, 1 + i) for i in range(rows)], pa.timestamp("ms", "UTC")),
    "nested": pa.array([[{"x": i, "y": "n"}] for i in range(rows)], pa.list_(struct)),
    "map": pa.array([[("k", i)] for i in range(rows)], pa.map_(pa.string(), pa.int64())),
    "fixed": pa.array([[i, i + 1] for i in range(rows)], pa.list_(pa.int16(), 2)),
    "half": pa.array([i / 2 for i in range(rows)], pa.float16()),
    "last": pa.array([f"last {i}" for i in range(rows)]),
}
table = pa.table(columns)
with ipc.new_file(out + "layouts.arrow", table.schema) as writer:
    writer.write_table(table, max_chunksize=3)
with ipc.new_stream(out + "layouts-stream.arrow", table.schema) as writer:
    writer.write_table(table, max_chunksize=3)

# Parquet has no unions, intervals, run-end or view lists of its own.
unstored = {"sparse", "dense", "runs", "list_view", "large_list_view", "interval", "encoded_structs", "views"}
parquet = pa.table({k: v for k, v in columns.items() if k not in unstored})
pq.write_table(parquet, out + "layouts.parquet", row_group_size=2)
frame = pd.DataFrame({"suffix": ["red", "blue", "red"], "label": pd.Categorical(["b", "a", "b"])})
frame.to_parquet(out + "categories.parquet")


# Tar as Python and webdataset write it: long names, numbers in base 256, links, devices, folders.
def member(name, content, **more):
    info = tarfile.TarInfo(name)
    info.size = len(content)
    for key, value in more.items():
        setattr(info, key, value)
    return info, io.BytesIO(content)


def flavour(name, form):
    with tarfile.open(out + "tar/" + name, "w", format=form) as tar:
        folder = "folder/" * (10 if form == tarfile.USTAR_FORMAT else 40)
        tar.addfile(*member(folder + "000.txt", b"zero"))
        tar.addfile(*member(folder.rstrip("/"), b"", type=tarfile.DIRTYPE))
        tar.addfile(*member("link.txt", b"", type=tarfile.SYMTYPE, linkname="l" * 90))
        tar.addfile(*member("hard.txt", b"", type=tarfile.LNKTYPE, linkname="001.txt"))
        if form == tarfile.GNU_FORMAT:  # numbers that octal has no room for
            tar.addfile(*member("001.txt", "eïns".encode(), uid=2**40, mtime=-5))
        elif form == tarfile.PAX_FORMAT:
            tar.addfile(*member("001.txt", "eïns".encode(), pax_headers={"comment": "é" * 300}))
        else:
            tar.addfile(*member("001.txt", "eïns".encode()))


flavour("ustar.tar", tarfile.USTAR_FORMAT)
flavour("gnu.tar", tarfile.GNU_FORMAT)
flavour("pax.tar", tarfile.PAX_FORMAT)
with tarfile.open(out + "tar/none.tar", "w") as tar:
    tar.addfile(*member("README", b"no example"))
with wds.TarWriter(out + "tar/webdataset.tar", mtime=0) as sink:
    for i in range(3):
        sink.write(
            {"__key__": f"part/{i:06d}", "left.txt": f"left {i}", "json": {"n": i}, "meta.json": [i, None], "cls": i}
        )

# Lists of fixed size in lists of fixed size, of nothing at last: a billion members in a kilobyte.
values = pa.nulls(1000**3)
for _ in range(3):
    values = pa.FixedSizeListArray.from_arrays(values, 1000)
hostile = pa.table({"image": pa.array(["a.jpg"]), "pad": pa.array(["x" * 4000]), "lists": values})
with ipc.new_file(out + "fixed-lists.arrow", hostile.schema) as writer:
    writer.write_table(hostile)
