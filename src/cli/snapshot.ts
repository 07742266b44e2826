import { SingleBar } from "cli-progress";
import type { Command } from "commander";
import type pg from "pg";
import { type Config, loadConfig } from "../config.ts";
import { connectionUrls, embeddedUrls } from "../database/connections.ts";
import { attachEmbedded } from "../database/embedded.ts";
import { createPool } from "../database/pools.ts";
import { openSource } from "../imports/sources/open_source.ts";
import { writeSnapshot } from "../imports/sources/write_snapshot.ts";
import { type AnswerOptions, answer, jsonOption } from "./output.ts";

interface SnapshotOptions extends AnswerOptions {
  out: string;
  gzip?: boolean;
  schemaOnly?: boolean;
}

/** `landfall snapshot …`: a copy of a source in a folder, which every import can read instead of it. */
export function registerSnapshot(program: Command): void {
  program
    .command("snapshot")
    .description("Copy a source to a folder: a backup that every import can read instead of it.")
    .argument("<source>", "airtable:<base id>, or another snapshot's folder")
    .requiredOption("--out <folder>", "the folder to write; it must not be there yet, or be empty")
    .option("--gzip", "pack the records")
    .option("--schema-only", "the schema alone, to put lists or CSV exports beside it")
    .option(...jsonOption)
    .action(async (from: string, options: SnapshotOptions) => {
      const config = loadConfig();
      const progress = makeProgress();
      const pool = await openPool(config);
      try {
        const source = await openSource(from, { airtable: config.airtable }, pool);
        const written = await writeSnapshot({
          source,
          out: options.out,
          isPacked: options.gzip ?? false,
          isSchemaOnly: options.schemaOnly ?? false,
          onProgress: progress.show,
        });
        progress.stop();
        const records = written.files.filter((file) => file.records !== null);
        const total = records.reduce((sum, file) => sum + (file.records ?? 0), 0);
        answer(options, written, [
          ...records.map((file) => `${String(file.records).padStart(9)}  ${file.path}`),
          options.schemaOnly
            ? `Wrote schema.json to ${written.folder}; put a file for each table into records/.`
            : `Wrote ${total} records of ${records.length} collections to ${written.folder}. They are as the source gave them, secrets included.`,
        ]);
      } finally {
        progress.stop();
        await pool?.end();
      }
    });
}

/** Where a database is there, all who read a base share its budget through it; a snapshot can be taken without one. */
async function openPool(config: Config): Promise<pg.Pool | undefined> {
  const running = config.database.url === undefined ? await attachEmbedded(config.dataDir) : null;
  if (config.database.url === undefined && !running) return undefined;
  const { worker } = running ? embeddedUrls(config, running.adminUrl) : connectionUrls(config);
  return createPool(worker, {
    applicationName: "landfall snapshot",
    max: 1,
    previousSecretKey: config.previousSecretKey,
  });
}

/** One line on stderr, and only on a terminal. */
function makeProgress(): { show(collection: string, records: number): void; stop(): void } {
  if (!process.stderr.isTTY) return { show: () => {}, stop: () => {} };
  let bar: SingleBar | undefined;
  return {
    show: (collection, records) => {
      bar ??= start();
      bar.update(records, { collection });
    },
    stop: () => {
      bar?.stop();
      bar = undefined;
    },
  };
}

function start(): SingleBar {
  const bar = new SingleBar({ format: "{collection}: {value} records", hideCursor: true, stream: process.stderr });
  bar.start(Number.MAX_SAFE_INTEGER, 0, { collection: "" });
  return bar;
}
