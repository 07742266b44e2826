/** How a long-running command stops: what was started last stops first, each part once, whatever asked for it. */
import { setTimeout as sleep } from "node:timers/promises";
import { errorMessage } from "../errors.ts";
import { childLogger } from "../log.ts";
import { tell } from "./output.ts";

const log = childLogger({ area: "cli" });

/** What a command's start may do with what it starts. */
export interface Running {
  /** Takes charge of a part that runs; where the command is stopping already, stops it at once and ends the start. */
  keep(name: string, stop: () => Promise<void>): Promise<void>;
  /** Ends the start here where the command is stopping already: called between long steps. */
  goOn(): void;
  /** Ends the command for an error that came later. */
  giveUp(error: Error): void;
}

/** How long a step of the start may still take when the command stops, in milliseconds. */
const patience = 15_000;

class Interrupted extends Error {}

/**
 * Starts the parts, waits for Ctrl-C, SIGTERM, a closed terminal or the end of the npm that started us, then stops the parts in
 * reverse order.
 *
 * @throws what kept it from starting, or what it gave up for
 */
export async function runUntilStopped(start: (running: Running) => Promise<void>): Promise<void> {
  const parts: { name: string; stop: () => Promise<void> }[] = [];
  let isStopping = false;
  let started: Promise<void> = Promise.resolve();
  const reason = await new Promise<{ error?: Error }>((resolve) => {
    for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => resolve({}));
    watchParent(() => resolve({}));
    const running: Running = {
      async keep(name, stop) {
        if (!isStopping) {
          parts.push({ name, stop });
          return;
        }
        await stopPart({ name, stop });
        throw new Interrupted("stopped while starting");
      },
      goOn() {
        if (isStopping) throw new Interrupted("stopped while starting");
      },
      giveUp: (error) => resolve({ error }),
    };
    started = start(running).catch((error: Error) => resolve({ error }));
  });
  isStopping = true;
  if (reason.error === undefined) tell("Stopping ...");
  // A start that is still under way ends at its next step, rather than have the database taken away below it.
  await Promise.race([started, sleep(patience, undefined, { ref: false })]);
  for (let part = parts.pop(); part !== undefined; part = parts.pop()) await stopPart(part);
  if (reason.error) throw reason.error;
}

async function stopPart({ name, stop }: { name: string; stop: () => Promise<void> }): Promise<void> {
  await stop().catch((error) => log.error({ part: name, error: errorMessage(error) }, "did not stop as it should"));
}

/** npm's shell may end without passing its signal on; then this process gets another parent. */
function watchParent(onGone: () => void): void {
  if (process.env.npm_lifecycle_event === undefined) return;
  const parent = process.ppid;
  const watch = setInterval(() => {
    if (process.ppid === parent) return;
    clearInterval(watch);
    onGone();
  }, 500);
  watch.unref();
}
