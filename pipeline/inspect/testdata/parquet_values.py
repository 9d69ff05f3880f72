"""Writes more than 200 Parquet files with pyarrow, asks DuckDB for their values, and packs both into pyarrow.zip, which
TestDuckDB reads: NAME.parquet, and NAME.jsonl with a row a line as `fragua inspect --json` has it.

    pip install pyarrow duckdb numpy && python3 parquet_values.py
    python3 parquet_values.py FRAGUA FOLDER…     compares `FRAGUA inspect --json` with DuckDB on all files there

Every logical type, nested ones, encodings, compressions, pages of both versions, empty and all-null columns.
"""
import base64, datetime as dt, decimal, io, itertools, json, math, os, subprocess, sys, uuid, zipfile
import duckdb, numpy as np, pyarrow as pa, pyarrow.parquet as pq

duckdb.sql("SET TimeZone = 'UTC'")


def plain(v, kind):
    """A value as inspect writes it; kind is DuckDB's type."""
    name = str(kind)
    if v is None:
        return None
    if kind.id == "list":
        return [plain(x, kind.children[0][1]) for x in v]
    if kind.id == "struct":
        return {k: plain(v[k], t) for k, t in kind.children}
    if kind.id == "map":
        keys, values = kind.children[0][1], kind.children[1][1]
        return {text_of(plain(k, keys)): plain(x, values) for k, x in v.items()}
    if isinstance(v, float):
        if math.isnan(v):
            return "NaN"
        if math.isinf(v):
            return "+Inf" if v > 0 else "-Inf"
        return float(str(np.float32(v))) if name == "FLOAT" else v
    if isinstance(v, decimal.Decimal):
        return {"number": str(v)}  # with its digits
    if isinstance(v, (bytes, bytearray)):
        try:
            return bytes(v).decode()
        except UnicodeDecodeError:
            return base64.b64encode(v).decode()
    if isinstance(v, uuid.UUID):
        return str(v)
    if isinstance(v, dt.datetime):
        s = v.astimezone(dt.timezone.utc).replace(tzinfo=None).isoformat() + "Z" if v.tzinfo else v.isoformat()
        return trim(s)
    if isinstance(v, (dt.date, dt.time)):
        return trim(v.isoformat())
    if isinstance(v, dt.timedelta):
        return str(v)
    return v


def text_of(v):
    return v["number"] if isinstance(v, dict) else v if isinstance(v, str) else json.dumps(v)


def trim(s):
    """A fraction of a second without the zeros at its end."""
    if "." not in s:
        return s
    z = "Z" if s.endswith("Z") else ""
    return s.removesuffix("Z").rstrip("0").rstrip(".") + z


def rows_of(path):
    r = duckdb.sql(f"SELECT * FROM read_parquet('{path}', binary_as_string=false, union_by_name=false)")
    # a nanosecond does not fit into Python's times: DuckDB writes those itself
    names, kinds = r.columns, r.types
    select = ", ".join(f'CAST("{n}" AS VARCHAR)' if str(k) in ("TIMESTAMP_NS", "TIME_NS") else f'"{n}"' for n, k in zip(names, kinds))
    out = []
    for row in duckdb.sql(f"SELECT {select} FROM r").fetchall():
        out.append({n: (trim(v.replace(" ", "T")) if v is not None else None) if str(k) in ("TIMESTAMP_NS", "TIME_NS") else plain(v, k) for n, k, v in zip(names, kinds, row)})
    return out


def line(row):
    return json.dumps(row, ensure_ascii=False)


# What is written: (name, type, values). Every column has a null, which some files leave out.
D = decimal.Decimal
UTC = dt.timezone.utc
day = dt.datetime(2024, 2, 29, 23, 59, 59, 123456)
COLUMNS = [
    ("bool", pa.bool_(), [True, False, None]),
    ("int8", pa.int8(), [-128, 127, None]), ("int16", pa.int16(), [-32768, 32767, None]),
    ("int32", pa.int32(), [-2**31, 2**31 - 1, None]), ("int64", pa.int64(), [-2**63, 2**63 - 1, None]),
    ("uint8", pa.uint8(), [0, 255, None]), ("uint16", pa.uint16(), [0, 65535, None]),
    ("uint32", pa.uint32(), [0, 2**32 - 1, None]), ("uint64", pa.uint64(), [0, 2**64 - 1, None]),
    ("float16", pa.float16(), [np.float16(1.5), np.float16("nan"), None]),
    ("float32", pa.float32(), [0.1, float("-inf"), None]), ("float64", pa.float64(), [0.1, -1e300, None]),
    ("decimal9", pa.decimal128(9, 2), [D("-1.10"), D("9999999.99"), None]),
    ("decimal18", pa.decimal128(18, 6), [D("0.000001"), D("-999999999999.999999"), None]),
    ("decimal38", pa.decimal128(38, 10), [D("1234567890123456789012345678.0123456789"), D("0E-10"), None]),
    ("string", pa.string(), ["", "naïve\n\"café\" \u2028 </script>", None]), ("large_string", pa.large_string(), ["x" * 300, "\U0001f525", None]),
    ("binary", pa.binary(), [b"\xff\x00", b"text", None]), ("fixed", pa.binary(4), [b"\x00\x01\x02\xff", b"abcd", None]),
    ("date", pa.date32(), [dt.date(1969, 12, 31), dt.date(2024, 2, 29), None]),
    ("time_ms", pa.time32("ms"), [dt.time(0, 0, 0, 1000), dt.time(23, 59, 59, 999000), None]),
    ("time_us", pa.time64("us"), [dt.time(0), dt.time(23, 59, 59, 999999), None]),
    ("ts_ms", pa.timestamp("ms"), [day.replace(microsecond=123000), dt.datetime(1900, 1, 1), None]),
    ("ts_us", pa.timestamp("us"), [day, dt.datetime(1, 1, 1), None]), ("ts_ns", pa.timestamp("ns"), [1_700_000_000_123_456_789, -1, None]),
    ("ts_utc", pa.timestamp("us", "UTC"), [day.replace(tzinfo=UTC), dt.datetime(1970, 1, 1, tzinfo=UTC), None]),
    ("ts_zone", pa.timestamp("ms", "Europe/Madrid"), [dt.datetime(2024, 7, 1, 12, tzinfo=UTC), None, None]),
    ("uuid", pa.uuid(), [uuid.UUID("123e4567-e89b-12d3-a456-426614174000"), uuid.UUID(int=0), None]),
    ("json", pa.json_(), ['{"a": [1, null]}', "null", None]),
    ("dictionary", pa.dictionary(pa.int32(), pa.string()), ["red", "red", None]),
    ("list", pa.list_(pa.int32()), [[1, None, 3], [], None]), ("lists", pa.list_(pa.list_(pa.string())), [[["a"], None, []], [], None]),
    ("fixed_list", pa.list_(pa.float32(), 2), [[1, 2], [0.5, None], None]),
    ("struct", pa.struct([("a", pa.int64()), ("b", pa.string())]), [{"a": 1, "b": "x"}, {"a": None, "b": None}, None]),
    ("list_of_struct", pa.list_(pa.struct([("k", pa.string()), ("v", pa.decimal128(9, 2))])), [[{"k": "a", "v": D("1.50")}, None], [], None]),
    ("map", pa.map_(pa.string(), pa.int64()), [[("a", 1), ("b", None)], [], None]),
    ("map_of_list", pa.map_(pa.string(), pa.list_(pa.timestamp("us", "UTC"))), [[("a", [day.replace(tzinfo=UTC)])], [("b", None)], None]),
    ("deep", pa.struct([("l", pa.list_(pa.struct([("m", pa.map_(pa.string(), pa.bool_()))])))]), [{"l": [{"m": [("x", True)]}, {"m": None}]}, {"l": None}, None]),
]
CODECS = ["none", "snappy", "gzip", "brotli", "zstd", "lz4"]
ENCODINGS = {"int32": ["PLAIN", "DELTA_BINARY_PACKED", "BYTE_STREAM_SPLIT"], "int64": ["PLAIN", "DELTA_BINARY_PACKED", "BYTE_STREAM_SPLIT"],
             "float32": ["PLAIN", "BYTE_STREAM_SPLIT"], "float64": ["PLAIN", "BYTE_STREAM_SPLIT"], "fixed": ["DELTA_BYTE_ARRAY"], # DuckDB reads BYTE_STREAM_SPLIT of these numbers alone
             "string": ["PLAIN", "DELTA_LENGTH_BYTE_ARRAY", "DELTA_BYTE_ARRAY"], "binary": ["PLAIN", "DELTA_LENGTH_BYTE_ARRAY", "DELTA_BYTE_ARRAY"],
             "bool": ["PLAIN", "RLE"], "date": ["DELTA_BINARY_PACKED"], "ts_us": ["DELTA_BINARY_PACKED"], "uuid": ["DELTA_BYTE_ARRAY"]}


def array(values, kind):
    if isinstance(kind, pa.ExtensionType):
        raw = [v.bytes if isinstance(v, uuid.UUID) else v for v in values]
        return pa.ExtensionArray.from_storage(kind, pa.array(raw, kind.storage_type))
    return pa.array(values, kind)


def files():
    """Yields name, bytes."""
    def written(table, **more):
        b = io.BytesIO()
        pq.write_table(table, b, **more)
        return b.getvalue()
    codec = itertools.cycle(CODECS)
    for name, kind, values in COLUMNS:
        column = pa.table({name: array(values, kind)})
        for version in "1.0", "2.0":  # of pages
            c = next(codec)
            yield f"{name}-v{version[0]}-{c}", written(column, data_page_version=version, compression=c)
        many = pa.concat_tables([column] * 9)
        yield f"{name}-groups", written(many, row_group_size=7, data_page_size=1, write_page_index=True, compression=next(codec), use_dictionary=False)
        if kind not in (pa.bool_(), pa.float16()):
            yield f"{name}-pages", written(many, data_page_version="2.0", data_page_size=1, write_page_checksum=True, compression=next(codec))
        for encoding in ENCODINGS.get(name, []):
            yield f"{name}-{encoding}", written(many, column_encoding={name: encoding}, use_dictionary=False, data_page_version="2.0", compression=next(codec))
        if name in ("string", "list", "struct", "decimal38", "ts_us", "float64", "map"):
            yield f"{name}-empty", written(column.slice(0, 0))
        yield f"{name}-null", written(pa.table({name: array([None] * 3, kind)}), compression=next(codec))
    yield "int96", written(pa.table({"at": pa.array([day, dt.datetime(1970, 1, 1), None], pa.timestamp("ns"))}), use_deprecated_int96_timestamps=True)
    for name in "string", "int64", "list":  # nothing is null
        kind, values = next((k, v[:-1]) for n, k, v in COLUMNS if n == name)
        yield f"{name}-required", written(pa.table([array(values, kind)], pa.schema([pa.field(name, kind, nullable=False)])))
    yield "wide", written(pa.table({n: array(v, k) for n, k, v in COLUMNS}), compression="zstd")


def ours(fragua, path):
    r = subprocess.run([fragua, "inspect", path, "--where", "true", "--json"], capture_output=True, text=True)
    if r.returncode:
        return None, r.stderr
    return [json.loads(l, parse_float=lambda s: {"number": s}) for l in r.stdout.splitlines()], ""


def same(a, b):
    """Whether ours is DuckDB's value: a float by its value, a decimal by its digits."""
    if isinstance(a, dict) and a.keys() == {"number"}:
        if isinstance(b, dict):
            return b.keys() == a.keys() and D(a["number"]) == D(b["number"])
        return isinstance(b, float) and float(a["number"]) == b
    if isinstance(a, dict):
        return isinstance(b, dict) and a.keys() == b.keys() and all(same(a[k], b[k]) for k in a)
    if isinstance(a, list):
        return isinstance(b, list) and len(a) == len(b) and all(map(same, a, b))
    if isinstance(b, dict):  # a decimal without a fraction
        return isinstance(a, int) and b.keys() == {"number"} and D(b["number"]) == a
    return a == b and isinstance(a, bool) == isinstance(b, bool)


def compare(fragua, folders):
    bad = n = 0
    for folder in folders:
        for root, _, names in os.walk(folder):
            for path in sorted(os.path.join(root, f) for f in names if f.endswith(".parquet")):
                n += 1
                got, err = ours(fragua, path)
                try:
                    want = rows_of(path)
                except Exception as e:
                    want = None
                    why = str(e).splitlines()[0]
                if got is None or want is None:
                    print(f"{path}: ours: {err.strip() if got is None else f'{len(got)} rows'}; DuckDB: {why if want is None else f'{len(want)} rows'}")
                    bad += (got is None) != (want is None) or err.count("fragua: error") != 1
                    continue
                if not same(got, want):
                    bad += 1
                    i = next((i for i, (a, b) in enumerate(zip(got, want)) if not same(a, b)), None)
                    if i is None:
                        print(f"{path}: {len(got)} rows, DuckDB {len(want)}")
                    else:
                        k = [k for k in want[i] if not same(got[i].get(k), want[i][k])] or [sorted(got[i].keys() ^ want[i].keys())]
                        print(f"{path}: row {i}: {k[0]}: ours {got[i].get(k[0]) if isinstance(k[0], str) else ''!r}, DuckDB {want[i].get(k[0]) if isinstance(k[0], str) else ''!r}")
    print(f"{n} files, {bad} differ")
    sys.exit(bad > 0)


if len(sys.argv) > 1:
    compare(sys.argv[1], sys.argv[2:])
here = os.path.dirname(os.path.abspath(__file__))
n = 0
with zipfile.ZipFile(os.path.join(here, "pyarrow.zip"), "w", zipfile.ZIP_DEFLATED, compresslevel=9) as z:
    def put(name, data):
        z.writestr(zipfile.ZipInfo(name), data, zipfile.ZIP_DEFLATED)
    for name, data in files():
        n += 1
        path = os.path.join("/tmp", "one.parquet")
        with open(path, "wb") as f:
            f.write(data)
        put(name + ".parquet", data)
        put(name + ".jsonl", "".join(line(r) + "\n" for r in rows_of(path)))
print(n, "files")
