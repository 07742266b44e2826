import { mkdir, open, readdir, rename, rm, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { errorCode } from "../../errors.ts";
import { onDisk, tryDrafts, withDraft } from "./draft.ts";
import { asidePath, type FileStore, hashIn, pathOf } from "./file_store.ts";
import { verified } from "./verified.ts";

/**
 * A file store in a folder.
 *
 * @param folder absolute; made where it is missing, closed to others
 */
export function openFolderStore(folder: string): FileStore {
  const fileOf = (sha256: Buffer) => join(folder, pathOf(sha256));
  const asideOf = (tenantId: string) => join(folder, asidePath(tenantId));
  const ask = <T>(work: Promise<T>): Promise<T> => onDisk(folder, work);
  const unlessMissing = <T>(work: Promise<T>): Promise<T | null> =>
    ask(work.catch((error) => (errorCode(error) === "ENOENT" ? null : Promise.reject(error))));
  const namesIn = async (path: string) => (await unlessMissing(readdir(path))) ?? [];
  const makeFolder = (path: string) => ask(mkdir(path, { recursive: true, mode: 0o700 }));
  const keep = async (path: string, sha256: Buffer) => {
    await makeFolder(dirname(fileOf(sha256)));
    await ask(rename(path, fileOf(sha256)));
  };
  return {
    place: folder,
    async tryOut(use) {
      if (use === "change") await tryDrafts(folder);
    },
    put: (body, check) => withDraft(folder, body, check, (draft, { sha256 }) => keep(draft, sha256)),
    has: async (sha256) => (await unlessMissing(stat(fileOf(sha256))))?.isFile() ?? false,
    async read(sha256) {
      const handle = await unlessMissing(open(fileOf(sha256)));
      return handle && verified(handle.createReadStream(), sha256, folder);
    },
    async *all() {
      for (const group of await namesIn(folder)) {
        if (!/^[0-9a-f]{2}$/.test(group)) continue;
        for (const name of await namesIn(join(folder, group))) {
          const sha256 = hashIn(`${group}/${name}`);
          if (sha256 !== null) yield sha256;
        }
      }
    },
    remove: (sha256) => ask(rm(fileOf(sha256), { force: true })),
    async setAside(tenantId, all) {
      const aside = asideOf(tenantId);
      await makeFolder(aside);
      for (const sha256 of all) {
        await unlessMissing(rename(fileOf(sha256), join(aside, sha256.toString("hex"))));
      }
    },
    async settleAside(tenantId, isSpokenOf) {
      const aside = asideOf(tenantId);
      let deleted = 0;
      for (const name of await namesIn(aside)) {
        const sha256 = Buffer.from(name, "hex");
        if (await isSpokenOf(sha256)) {
          await keep(join(aside, name), sha256);
        } else {
          await ask(rm(join(aside, name)));
          deleted += 1;
        }
      }
      await ask(rm(aside, { recursive: true, force: true }));
      return deleted;
    },
    async hasAside() {
      for (const tenantId of await namesIn(join(folder, asidePath()))) {
        if ((await namesIn(asideOf(tenantId))).length > 0) return true;
      }
      return false;
    },
  };
}
