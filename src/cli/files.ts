/** `landfall files …`: where the files are that imports bring along. */
import { SingleBar } from "cli-progress";
import { Argument, type Command } from "commander";
import pg from "pg";
import type { Config } from "../config.ts";
import { deriveUrls } from "../database/urls.ts";
import { fail } from "../errors.ts";
import { isSpokenOf } from "../imports/files/is_spoken_of.ts";
import { type MovedFiles, moveFiles } from "../imports/files/move_files.ts";
import { openFileStore } from "../imports/files/open_file_store.ts";
import { withServer } from "./as_owner.ts";
import { type AnswerOptions, answer, jsonOption } from "./output.ts";

type Place = "bucket" | "folder";

interface MoveCommandOptions extends AnswerOptions {
  copy?: boolean;
}

export function registerFiles(program: Command): void {
  program
    .command("files")
    .description("Move the files of imports between a folder and a bucket.")
    .command("move")
    .description(
      "Move them into LANDFALL_FILES_URL's bucket, or back into the folder LANDFALL_FILES_DIR. Safe to repeat.",
    )
    .addArgument(new Argument("<to>", "where to").choices(["bucket", "folder"] satisfies Place[]))
    .option("--copy", "leave them where they are, too: for as long as processes look there")
    .option(...jsonOption)
    .addHelpText(
      "after",
      "\nEvery file is read back and held against its hash before it goes from where it was. docs/imports.md has the steps.",
    )
    .action(async (to: Place, options: MoveCommandOptions) => {
      const moved = await withServer(({ server, config }) =>
        move(config, deriveUrls(server.adminUrl, server.secretKey, server.rolePrefix).owner, to, options),
      );
      const verb = options.copy ? "Copied" : "Moved";
      answer(options, moved, [
        ...moved.damaged.map((name) => `${name} does not hold what it should, in one of the two places; it stayed.`),
        `${verb} ${moved.files} files of ${(moved.bytes / 1e6).toFixed(1)} MB into the ${to}, each read back.`,
        ...(moved.unclaimed.length > 0 ? [`${moved.unclaimed.length} files that no import names stayed.`] : []),
      ]);
      if (moved.damaged.length > 0) process.exitCode = 1;
    });
}

async function move(
  { files }: Config,
  ownerUrl: string,
  place: Place,
  { copy: isCopy = false }: MoveCommandOptions,
): Promise<MovedFiles> {
  if (files.bucket === undefined) {
    fail("unusable_configuration", "LANDFALL_FILES_URL names no bucket.", "Set it to one, such as s3://bucket/prefix.");
  }
  const [bucket, folder] = [await openFileStore(files), await openFileStore({ ...files, bucket: undefined })];
  const [from, to] = place === "bucket" ? [folder, bucket] : [bucket, folder];
  await to.tryOut("change");
  await from.tryOut(isCopy ? "read" : "change");
  const client = new pg.Client({ connectionString: ownerUrl, application_name: "landfall files" });
  await client.connect();
  const bar = process.stderr.isTTY ? new SingleBar({ format: "{value} files", stream: process.stderr }) : undefined;
  bar?.start(Number.MAX_SAFE_INTEGER, 0);
  try {
    return await moveFiles({
      from,
      to,
      isCopy,
      isSpokenOf: (sha256) => isSpokenOf(client, sha256),
      onProgress: (count) => bar?.update(count),
    });
  } finally {
    bar?.stop();
    await client.end();
  }
}
