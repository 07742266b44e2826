/** A file of any size goes into a store and out again in the same memory. */
import { createHash } from "node:crypto";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { makeStore, storeKinds, type TestStore } from "../support/file_stores.ts";

/** What is held, and not merely not collected yet. */
const collectGarbage: () => void = (() => {
  setFlagsFromString("--expose-gc");
  return runInNewContext("gc");
})();

describe.each(storeKinds)("a %s", (kind) => {
  let store: TestStore;
  beforeAll(async () => {
    store = await makeStore(kind);
  });
  afterAll(() => store.close());

  test("can keep and give a file of 200 MB in less than 40 MB", async () => {
    const [chunkBytes, chunks] = [1 << 20, 200];
    const hash = createHash("sha256");
    let most = 0;
    collectGarbage();
    const before = process.memoryUsage().arrayBuffers;
    const watch = () => {
      collectGarbage();
      most = Math.max(most, process.memoryUsage().arrayBuffers - before);
    };
    const body = (async function* () {
      for (let place = 0; place < chunks; place += 1) {
        const chunk = Buffer.alloc(chunkBytes, place);
        hash.update(chunk);
        if (place % 8 === 7) watch();
        yield chunk;
      }
    })();
    const { sha256, bytes } = await store.files.put(body, watch);
    expect({ sha256, bytes }).toEqual({ sha256: hash.digest(), bytes: chunkBytes * chunks });
    let received = 0;
    for await (const chunk of (await store.files.read(sha256)) as AsyncIterable<Buffer>) {
      const [passed, next] = [received, received + chunk.length].map((count) => Math.floor(count / (8 * chunkBytes)));
      if (passed !== next) watch();
      received += chunk.length;
    }
    expect(received).toBe(bytes);
    expect(most).toBeLessThan(40_000_000);
    await store.files.remove(sha256);
  });
});
