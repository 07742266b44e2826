import { expect, test } from "@jest/globals";
import { environment, startNode } from "../support/processes.ts";

const logModule = JSON.stringify(new URL("../../src/log.ts", import.meta.url).pathname);

/** What a process logs that runs these lines. */
async function logOf(lines: string, variables: Record<string, string> = {}): Promise<Record<string, unknown>[]> {
  const script = `import { childLogger, logger } from ${logModule};\n${lines}`;
  const { code, stdout, stderr } = await startNode(["--input-type=module", "--eval", script], environment(variables))
    .ended;
  expect({ code, stdout }).toEqual({ code: 0, stdout: "" });
  return stderr
    .split("\n")
    .filter(Boolean)
    .map((line) => JSON.parse(line) as Record<string, unknown>);
}

test("can be read as one event a line, on stderr, with time, level and what it is about", async () => {
  const [event] = await logOf('childLogger({ area: "imports" }).info({ batchId: "b" }, "done");');
  expect(event).toEqual({
    level: "info",
    time: expect.stringMatching(/^\d{4}-.*Z$/),
    area: "imports",
    batchId: "b",
    msg: "done",
  });
});

test("can be made to say more or less by LOG_LEVEL, and survives a wrong one", async () => {
  expect(await logOf('logger.info("x");', { LOG_LEVEL: "warn" })).toEqual([]);
  expect(await logOf('logger.debug("x");', { LOG_LEVEL: "debug" })).toHaveLength(1);
  expect(await logOf('logger.info("x");', { LOG_LEVEL: "loud" })).toHaveLength(1);
});

test("cannot be made to write a secret", async () => {
  const secret = "CANARY";
  const fields = ["password", "token", "apiKey", "authorization", "secretKey", "connectionString", "cookie"];
  const lines = fields.map(
    (name) =>
      `logger.info({ ${name}: "${secret}", a: { ${name}: "${secret}" }, b: { c: { ${name}: "${secret}" } } }, "x");`,
  );
  const events = await logOf(lines.join("\n"));
  expect(events).toHaveLength(fields.length);
  expect(JSON.stringify(events)).not.toContain(secret);
  expect(events[0]).toMatchObject({ password: "[redacted]", a: { password: "[redacted]" } });
});
