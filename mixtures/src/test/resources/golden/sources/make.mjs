// The table as Parquet by DuckDB, as an Arrow stream and an Arrow file by Arrow's JavaScript.
import fs from "node:fs";
import { DuckDBInstance } from "@duckdb/node-api";
import * as arrow from "apache-arrow";

const [work, out] = process.argv.slice(2);
const rows = JSON.parse(fs.readFileSync(`${work}/table.json`));
const bytes = (row) => fs.readFileSync(`${work}/${row.file}`);
const connection = await (await DuckDBInstance.create(":memory:")).connect();
const text = (value) => `'${value.replaceAll("'", "''")}'`;
const values = rows.map((row) => {
  const blob = [...bytes(row)].map((b) => "\\x" + b.toString(16).padStart(2, "0")).join("");
  const suffix = `[${row.suffix.map(text).join(", ")}]`;
  return `({'bytes': '${blob}'::BLOB, 'path': ${text(row.file)}}, ${text(row.prefix)}, ${suffix}, ${row.number}, ${row.score ?? "NULL"}::DOUBLE)`;
});
await connection.run(`CREATE TABLE t (image STRUCT("bytes" BLOB, "path" VARCHAR), prefix VARCHAR, suffix VARCHAR[], number BIGINT, score DOUBLE)`);
await connection.run(`INSERT INTO t VALUES ${values.join(",\n")}`);
for (const [name, where] of [["0", "number < 7"], ["1", "number >= 7"]]) {
  await connection.run(`COPY (SELECT * FROM t WHERE ${where} ORDER BY number) TO '${out}/table-${name}.parquet' (FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE 4)`);
}

const struct = new arrow.Struct([
  new arrow.Field("bytes", new arrow.Binary(), true),
  new arrow.Field("path", new arrow.Utf8(), true),
]);
const column = (type, take) => {
  return (some) => {
    const b = arrow.makeBuilder({ type, nullValues: [null, undefined] });
    some.forEach((row) => b.append(take(row)));
    return b.finish().toVector();
  };
};
const make = {
  image: column(struct, (r) => ({ bytes: new Uint8Array(bytes(r)), path: r.file })),
  prefix: column(new arrow.Utf8(), (r) => r.prefix),
  suffix: column(new arrow.List(new arrow.Field("item", new arrow.Utf8(), true)), (r) => r.suffix),
  number: column(new arrow.Int64(), (r) => BigInt(r.number)),
  score: column(new arrow.Float64(), (r) => r.score),
};
const batches = [rows.slice(0, 5), rows.slice(5, 9), rows.slice(9)].map((some) => {
  const vectors = Object.fromEntries(Object.entries(make).map(([k, f]) => [k, f(some)]));
  return new arrow.Table(vectors);
});
const table = batches[0].concat(...batches.slice(1));
fs.writeFileSync(`${out}/table-stream.arrow`, arrow.tableToIPC(table, "stream"));
fs.writeFileSync(`${out}/table-file.arrow`, arrow.tableToIPC(table, "file"));
