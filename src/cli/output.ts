/** How commands answer: for people on a terminal, or as JSON for machines. */
import { createInterface } from "node:readline/promises";
import { CommanderError } from "commander";
import { errorCode, errorMessage, errorReason, fail, LandfallError } from "../errors.ts";
import { logger } from "../log.ts";

/** What every command that answers takes. */
export interface AnswerOptions {
  json?: boolean;
}

/** Text of the option that every answering command has. */
export const jsonOption = ["--json", "answer in JSON, for machines"] as const;

/**
 * Writes a command's answer to stdout.
 *
 * @param data what machines get, with `--json`
 * @param lines what people get
 */
export function answer(options: AnswerOptions, data: unknown, lines: string[]): void {
  process.stdout.write(`${options.json ? JSON.stringify(data) : lines.join("\n")}\n`);
}

/** Tells on stderr what goes on, one line. */
export function tell(line: string): void {
  process.stderr.write(`${line}\n`);
}

/** What whoever sits at the terminal types; undefined where nobody does. */
export async function ask(question: string): Promise<string | undefined> {
  if (!process.stdin.isTTY) return undefined;
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  return (await terminal.question(question).finally(() => terminal.close())).trim();
}

/**
 * Asks whoever sits there to type a word before something is done.
 *
 * @throws LandfallError `wrong_usage` where they type another one, or nobody sits there
 */
export async function confirm(question: string, word = "yes"): Promise<void> {
  const typed = await ask(`${question} Type ${word}: `);
  if (typed === undefined) fail("wrong_usage", "Nobody is there to be asked.", "Add --yes to go on without.");
  if (typed !== word) fail("wrong_usage", "Nothing was changed.", `Type ${word} to go on.`);
}

/**
 * Tells what went wrong and gives the exit code: 0 where nothing did (help was asked for), 1 for a failure, 2 for wrong use.
 *
 * @param isJson whether stdout gets the error as JSON, too
 */
export function explainError(error: unknown, isJson: boolean): 0 | 1 | 2 {
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
  const known = error instanceof LandfallError ? error : describe(error);
  if (isJson) {
    const { code, reason, message, wayOut } = known;
    process.stdout.write(`${JSON.stringify({ error: { code, name: reason, message, wayOut } })}\n`);
  }
  tell(`landfall: ${known.message} ${known.wayOut}`);
  if (!(error instanceof LandfallError)) logger.debug({ err: error }, "the error in full");
  return known.reason === "wrong_usage" ? 2 : 1;
}

const network = /ECONNREFUSED|ENOTFOUND|EAI_AGAIN|ETIMEDOUT|ECONNRESET|timeout expired|Connection terminated/;

/** What is not thrown by us comes mostly from the database or the network. */
function describe(error: unknown): LandfallError {
  const message = errorMessage(error);
  const code = errorCode(error) ?? "";
  const reason = errorReason(error);
  if (reason) {
    const { hint } = error as { hint?: string };
    return new LandfallError(reason, message, hint ?? "docs/errors.md says what to do.");
  }
  if (network.test(`${code} ${message}`)) {
    return new LandfallError(
      "database_unreachable",
      `The database cannot be reached: ${message}.`,
      "Check that it runs and that DATABASE_URL is right; `landfall doctor` looks closer.",
    );
  }
  if (code === "28P01" || code === "28000") {
    return new LandfallError(
      "login_refused",
      `The database refuses the login: ${message}.`,
      "Check user and password in DATABASE_URL. `landfall migrate` sets the passwords of Landfall's own logins from LANDFALL_SECRET_KEY.",
    );
  }
  if (code === "3D000") {
    return new LandfallError(
      "database_unreachable",
      `${message}.`,
      "Create it first (createdb), or correct DATABASE_URL.",
    );
  }
  if (code === "42P01" || code === "3F000" || code === "42883") {
    return new LandfallError("not_migrated", `${message}.`, "Run `landfall migrate` first.");
  }
  return new LandfallError(
    "unexpected",
    `${message}.`.replace(/\.\.$/, "."),
    "LOG_LEVEL=debug shows where it came from.",
  );
}
