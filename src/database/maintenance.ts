/**
 * Work on a cluster that stands still: a restore and an upgrade each make a cluster beside the one in use and then put it in its place. While that
 * goes on no server starts over the data folder; where the process dies between the two renames, the next start makes the second.
 */
import { existsSync, linkSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { z } from "zod";
import { errorCode, fail } from "../errors.ts";
import { childLogger } from "../log.ts";
import { syncFolder } from "../new_folder.ts";
import { commandOf, isAlive, liveServer } from "./server_process.ts";

const log = childLogger({ area: "embedded server" });

const noteSchema = z.object({
  pid: z.number().int(),
  /** What is being done, for people. */
  deed: z.string(),
  /** Set once the new cluster is sound: it takes the place of the one in use, which is kept under another name. */
  exchange: z.object({ made: z.string(), place: z.string(), kept: z.string() }).optional(),
});

type Note = z.infer<typeof noteSchema>;

/** A data folder in which no server starts for now. */
export interface HeldFolder {
  /**
   * Puts a cluster in the place of the one in use. From here on it happens, now or at the next start.
   *
   * @param made the new cluster's folder
   * @param place where it belongs
   * @param kept the name under which the former one is kept, in the same folder
   */
  exchange(made: string, place: string, kept: string): Promise<void>;
  release(): void;
}

function noteFile(dataDir: string): string {
  return join(dataDir, "maintenance.json");
}

/**
 * Holds a data folder whose server does not run.
 *
 * @param pgData the cluster in use
 * @param deed what is done meanwhile, such as "a restore"
 * @throws LandfallError `already_running` where its server runs, or another such work is under way
 */
export async function holdFolder(dataDir: string, pgData: string, deed: string): Promise<HeldFolder> {
  await settleMaintenance(dataDir);
  const file = noteFile(dataDir);
  const draft = `${file}.${process.pid}`;
  const write = (note: Note) =>
    writeFileSync(draft, `${JSON.stringify(note, null, 2)}\n`, { mode: 0o600, flush: true });
  write({ pid: process.pid, deed });
  try {
    linkSync(draft, file);
  } catch (error) {
    if (errorCode(error) !== "EEXIST") throw error;
    refuse(dataDir, readNote(dataDir)?.deed ?? "another work");
  } finally {
    rmSync(draft, { force: true });
  }
  const release = () => rmSync(file, { force: true });
  // From here on none can start; one that was just starting is seen.
  if (liveServer(pgData)) {
    release();
    fail(
      "already_running",
      `The server of the data folder ${dataDir} is running, and ${deed} needs it to stand still.`,
      "Stop Landfall (Ctrl-C where `npm start` runs, and every `landfall api` and `landfall worker`), then do this again.",
    );
  }
  return {
    async exchange(made, place, kept) {
      write({ pid: process.pid, deed, exchange: { made, place, kept } });
      renameSync(draft, file);
      await syncFolder(dataDir);
      await makeExchange({ made, place, kept });
    },
    release,
  };
}

/**
 * Ends what a killed restore or upgrade left: where the new cluster was found sound it takes its place, else nothing has changed.
 *
 * @throws LandfallError `already_running` while one is under way
 */
export async function settleMaintenance(dataDir: string): Promise<void> {
  const note = readNote(dataDir);
  if (note === undefined) return;
  const isUnderWay = note.pid !== process.pid && isAlive(note.pid) && /node|landfall/.test(commandOf(note.pid));
  if (isUnderWay) refuse(dataDir, note.deed);
  if (note.exchange) {
    log.warn(note.exchange, `${note.deed} was cut off after its work was found sound; ending it`);
    await makeExchange(note.exchange);
  }
  rmSync(noteFile(dataDir), { force: true });
}

function readNote(dataDir: string): Note | undefined {
  const file = noteFile(dataDir);
  if (!existsSync(file)) return undefined;
  return noteSchema.parse(JSON.parse(readFileSync(file, "utf8")));
}

/** Each rename is made once, however often this is asked for. */
async function makeExchange({ made, place, kept }: NonNullable<Note["exchange"]>): Promise<void> {
  if (existsSync(made)) {
    if (existsSync(place) && !existsSync(kept)) renameSync(place, kept);
    await syncFolder(dirname(place));
    renameSync(made, place);
  }
  await syncFolder(dirname(place));
}

function refuse(dataDir: string, deed: string): never {
  return fail(
    "already_running",
    `${deed[0]?.toUpperCase()}${deed.slice(1)} is under way on the data folder ${dataDir}.`,
    "Wait until it is done.",
  );
}
