import { randomBytes } from "node:crypto";
import { chmodSync, linkSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { errorCode, errorMessage, fail } from "./errors.ts";

const secretsSchema = z.object({
  /** Password of the embedded server's administrator. */
  postgresPassword: z.string().min(1),
  /** Signs the API's tokens. */
  jwtSecret: z.string().min(1),
  /** Encrypts what app_private keeps, and derives the logins' passwords. */
  secretKey: z.string().min(1),
});

export type Secrets = z.infer<typeof secretsSchema>;

/**
 * The secrets of a development machine: made once, then read from `<data folder>/secrets.json` (mode 600).
 * Production gives them by environment, and never comes here.
 *
 * @param dataDir the data folder, absolute; made (mode 700) where it is missing
 * @throws LandfallError `data_folder_unusable` where the folder or the file cannot be read or written
 */
export function localSecrets(dataDir: string): Secrets {
  const file = join(dataDir, "secrets.json");
  return readSecrets(file) ?? makeSecrets(dataDir, file);
}

function readSecrets(file: string): Secrets | undefined {
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch (error) {
    if (errorCode(error) === "ENOENT") return undefined;
    return fail(
      "data_folder_unusable",
      `${file} cannot be read: ${errorMessage(error)}.`,
      "Start as the user who made it, or set LANDFALL_DATA_DIR to another folder.",
      error,
    );
  }
  try {
    return secretsSchema.parse(JSON.parse(text));
  } catch (error) {
    return fail(
      "data_folder_unusable",
      `${file} is damaged.`,
      "Restore it from a backup, or delete it together with the postgres folder beside it to begin again.",
      error,
    );
  }
}

/** Two processes may come here at once: the file is linked into place whole, and whoever comes second takes the first one's. */
function makeSecrets(dataDir: string, file: string): Secrets {
  const draft = join(dataDir, `secrets.${process.pid}.json`);
  const made: Secrets = {
    postgresPassword: randomBytes(24).toString("base64url"),
    jwtSecret: randomBytes(48).toString("base64url"),
    secretKey: randomBytes(48).toString("base64url"),
  };
  try {
    mkdirSync(dataDir, { recursive: true, mode: 0o700 });
    writeFileSync(draft, `${JSON.stringify(made, null, 2)}\n`, { mode: 0o600 });
    chmodSync(draft, 0o600);
    linkSync(draft, file);
  } catch (error) {
    if (errorCode(error) !== "EEXIST") {
      const disk = errorCode(error) === "ENOSPC";
      fail(
        "data_folder_unusable",
        `${dataDir} cannot be written: ${errorMessage(error)}.`,
        disk
          ? "Free some space on that disk."
          : "Give your user access to it, or set LANDFALL_DATA_DIR to another folder.",
        error,
      );
    }
  } finally {
    rmSync(draft, { force: true });
  }
  return readSecrets(file) ?? made;
}
