// lmms-lab's layouts of VQAv2 and AI2D, and CountBench's, as Parquet by DuckDB: node make.mjs OUT; needs npm's @duckdb/node-api.
import zlib from "node:zlib";
import { DuckDBInstance } from "@duckdb/node-api";

const out = process.argv[2];
const crcs = Array.from({ length: 256 }, (_, n) => {
  for (let k = 0; k < 8; k++) n = n & 1 ? 0xedb88320 ^ (n >>> 1) : n >>> 1;
  return n >>> 0;
});
const chunk = (type, data) => {
  const body = Buffer.concat([Buffer.from(type), data]);
  let crc = 0xffffffff;
  for (const b of body) crc = crcs[(crc ^ b) & 0xff] ^ (crc >>> 8);
  const frame = Buffer.alloc(8);
  frame.writeUInt32BE(data.length, 0);
  frame.writeUInt32BE((crc ^ 0xffffffff) >>> 0, 4);
  return Buffer.concat([frame.subarray(0, 4), body, frame.subarray(4)]);
};
// A PNG of w x 2 pixels of one colour; of one value, a grey one.
const png = (w, rgb) => {
  const head = Buffer.alloc(13);
  head.writeUInt32BE(w, 0);
  head.writeUInt32BE(2, 4);
  head.set([8, rgb.length === 1 ? 0 : 2, 0, 0, 0], 8);
  const line = Buffer.concat([Buffer.from([0]), ...Array(w).fill(Buffer.from(rgb))]);
  const data = zlib.deflateSync(Buffer.concat([line, line]));
  return Buffer.concat([Buffer.from("\x89PNG\r\n\x1a\n", "latin1"), chunk("IHDR", head), chunk("IDAT", data), chunk("IEND", Buffer.alloc(0))]);
};
const blob = (bytes) => `'${[...bytes].map((b) => "\\x" + b.toString(16).padStart(2, "0")).join("")}'::BLOB`;
const picture = (w, rgb, path) => `{'bytes': ${blob(png(w, rgb))}, 'path': ${path ? `'${path}'` : "NULL"}}`;
const answers = (list) => `[${list.map((a, i) => `{'answer': '${a}', 'answer_confidence': 'yes', 'answer_id': ${i + 1}}`).join(", ")}]`;

const db = await (await DuckDBInstance.create(":memory:")).connect();
const copy = (rows, name) => db.run(`COPY (${rows.join(" UNION ALL ")}) TO '${out}/${name}' (FORMAT parquet, COMPRESSION snappy)`);
const ten = (word, n, other) => [...Array(n).fill(word), ...Array(10 - n).fill(other)];
const vqa = (id, q, list, w, rgb) =>
  `SELECT 'yes/no' AS question_type, '${list[0]}' AS multiple_choice_answer, ${answers(list)} AS answers, ${Math.floor(id / 1000)}::BIGINT AS image_id, 'other' AS answer_type, ${id}::BIGINT AS question_id, '${q}' AS question, ${picture(w, rgb, null)} AS image`;
await copy([vqa(42000, "What is it?", ten("cat", 7, "dog"), 3, [255, 0, 0])], "validation-00000-of-00002.parquet");
await copy([vqa(43001, "Is it red?", ten("no", 10, ""), 5, [0, 0, 255]), vqa(43002, "How many?", ten("2", 4, "two"), 5, [0, 0, 255])], "validation-00001-of-00002.parquet");
const ai2d = (q, options, answer, w) =>
  `SELECT '${q}' AS question, [${options.map((o) => `'${o}'`).join(", ")}] AS options, '${answer}' AS answer, ${picture(w, [0, 255, 0], "a.png")} AS image`;
await copy([ai2d("Which is a leaf?", ["A", "B", "C", "D"], 2, 4), ai2d("What eats grass?", ["fox", "rabbit", "owl", "hawk"], 1, 6)], "test-00000-of-00001.parquet");
const count = (url, text, number, image) =>
  `SELECT '${url}' AS image_url, '${text}' AS text, ${number}::BIGINT AS number, ${image} AS image`;
const none = `NULL::STRUCT(bytes BLOB, path VARCHAR)`;
await copy([count("a", "two kettles", 2, picture(3, [0, 255, 0], null)), count("b", "gone", 3, none), count("c", "grey", 4, picture(4, [9], null)), count("d", "ten kettles", 10, picture(5, [9, 8, 7], null))], "train-00000-of-00001.parquet");
