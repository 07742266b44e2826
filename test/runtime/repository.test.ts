/** What the repository promises of itself. */
import { existsSync, readFileSync, readlinkSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import { missingPackages } from "../../scripts/complete_lock_file.ts";
import { projectDir } from "../../src/config.ts";

const read = (name: string) => readFileSync(join(projectDir, name), "utf8");

test("can write the next migration in current.sql at the root: migrations/current.sql is a link to it", () => {
  expect(readlinkSync(join(projectDir, "migrations", "current.sql"))).toBe("../current.sql");
});

test("can be named: landfall, private, MIT, with its command", () => {
  const { name, private: isPrivate, license, bin } = JSON.parse(read("package.json"));
  expect({ name, isPrivate, license }).toEqual({ name: "landfall", isPrivate: true, license: "MIT" });
  expect(existsSync(join(projectDir, bin.landfall))).toBe(true);
  expect(read("LICENSE")).toMatch(/^MIT License/);
});

test("can be checked out anywhere without changing the hashes of migrations", () => {
  expect(read(".gitattributes")).toMatch(/^\*\.sql text eol=lf$/m);
});

test("cannot carry a secret in docker-compose.yml: every one is asked of the environment", () => {
  for (const [, value] of read("docker-compose.yml").matchAll(/(?:PASSWORD|SECRET|SECRET_KEY|API_KEY): (.*)$/gm)) {
    expect(value).toMatch(/^\$\{[A-Z_]+(:\?[^}]+|:-)\}$/);
  }
});

describe("the lock file", () => {
  test("can be installed from on every platform", () => {
    expect([...missingPackages(JSON.parse(read("package-lock.json"))).keys()]).toEqual([]);
  });

  test("cannot lack a platform's package without being told", () => {
    const tool = { optionalDependencies: { "tool-linux-x64-musl": "1.0.0", "tool-win32-arm64": "1.0.0" }, dev: true };
    const packages = { "node_modules/tool": tool, "node_modules/tool-win32-arm64": { version: "1.0.0" } };
    expect([...missingPackages({ packages })]).toEqual([
      [
        "node_modules/tool-linux-x64-musl",
        { version: "1.0.0", dev: true, optional: true, os: ["linux"], cpu: ["x64"], libc: ["musl"] },
      ],
    ]);
  });
});
