/**
 * Writes what is generated: from the API src/generated/schema.graphql and the types of the documents in src/documents, from the catalog
 * docs/database.md, docs/errors.md and src/generated/error_codes.ts, from the import mappings docs/mappings. With `--check` it writes nothing
 * and fails where the committed files differ. A database of its own is started for it and thrown away.
 */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { generate } from "@graphql-codegen/cli";
import pg from "pg";
import { projectDir } from "../src/config.ts";
import { documentDatabase } from "../src/database/document_database.ts";
import { documentErrors, listErrorCodes } from "../src/database/document_errors.ts";
import { deriveUrls } from "../src/database/urls.ts";
import { errorCode, errorMessage } from "../src/errors.ts";
import { documentMapping } from "../src/imports/document_mapping.ts";
import { mappings } from "../src/imports/mappings/find_mapping.ts";
import { logger } from "../src/log.ts";
import { printApiSchema } from "../src/server/schema.ts";
import { rolePrefix, startTestCluster, templateDatabase } from "../test/support/cluster.ts";

/** What the API's own scalars are on the wire. */
const scalars = {
  Base64EncodedBinary: "string",
  BigFloat: "string",
  BigInt: "string",
  Cursor: "string",
  Date: "string",
  Datetime: "string",
  InternetAddress: "string",
  Interval: "string",
  JSON: "unknown",
  UUID: "string",
};

/** What the database makes: the API's schema, and the pages about itself. */
async function readDatabase(): Promise<Map<string, string>> {
  const cluster = await startTestCluster();
  try {
    const adminUrl = cluster.adminUrl.replace(/\/[^/]*$/, `/${templateDatabase}`);
    const { authenticator } = deriveUrls(adminUrl, cluster.secretKey, rolePrefix);
    const client = new pg.Client({ connectionString: adminUrl });
    await client.connect();
    try {
      return new Map([
        ["src/generated/schema.graphql", await printApiSchema(authenticator, rolePrefix, logger)],
        ["docs/database.md", await documentDatabase(client, rolePrefix)],
        ["docs/errors.md", await documentErrors(client)],
        ["src/generated/error_codes.ts", await listErrorCodes(client)],
      ]);
    } finally {
      await client.end();
    }
  } finally {
    await cluster.stop();
  }
}

/** Files by path, relative to the project. */
async function generateFiles(): Promise<Map<string, string>> {
  const files = await readDatabase();
  const outputs: { filename: string; content: string }[] = await generate(
    {
      schema: files.get("src/generated/schema.graphql") as string,
      documents: [join(projectDir, "src/documents/**/*.graphql")],
      silent: true,
      generates: {
        "src/generated/documents/": {
          preset: "client",
          presetConfig: { fragmentMasking: false, persistedDocuments: { hashAlgorithm: "sha256" } },
          config: {
            enumsAsTypes: true,
            useTypeImports: true,
            skipTypename: true,
            strictScalars: true,
            importExtension: ".ts",
            scalars,
          },
        },
      },
    },
    false,
  );
  for (const { filename, content } of outputs) files.set(filename, content);
  for (const mapping of mappings) files.set(`docs/mappings/${mapping.name}.md`, documentMapping(mapping));
  return files;
}

function current(path: string): string | undefined {
  try {
    return readFileSync(join(projectDir, path), "utf8");
  } catch (error) {
    if (errorCode(error) === "ENOENT") return undefined;
    throw error;
  }
}

async function main(isCheck: boolean): Promise<number> {
  const files = await generateFiles();
  const stale = [...files].filter(([path, content]) => current(path) !== content);
  for (const [path, content] of stale) {
    if (isCheck) {
      process.stderr.write(`${path} is not what the database makes of it: run npm run generate\n`);
      continue;
    }
    mkdirSync(dirname(join(projectDir, path)), { recursive: true });
    writeFileSync(join(projectDir, path), content);
    process.stdout.write(`${path}\n`);
  }
  return isCheck && stale.length > 0 ? 1 : 0;
}

try {
  process.exitCode = await main(process.argv.includes("--check"));
} catch (error) {
  process.stderr.write(`Nothing was generated: ${errorMessage(error)}\n`);
  process.exitCode = 1;
}
