import { createHash } from "node:crypto";
import { pipeline, type Readable, Transform } from "node:stream";
import { LandfallError } from "../../errors.ts";

/**
 * A file's stream, held against the file's hash. The last chunk is held back until all of it is known to be right, so that whoever reads
 * one that is not never has it whole.
 *
 * @param place of the store, for the message
 * @param explain makes an error for people of one that the source broke off with
 */
export function verified(
  source: Readable,
  sha256: Buffer,
  place: string,
  explain: (error: Error) => Error = (error) => error,
): Readable {
  const hash = createHash("sha256");
  let last: Buffer | undefined;
  const verifying = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      const ready = last;
      hash.update(chunk);
      last = chunk;
      done(null, ready);
    },
    destroy(error, done) {
      done(error && explain(error));
    },
    flush(done) {
      if (hash.digest().equals(sha256)) return done(null, last);
      const name = sha256.toString("hex");
      done(
        new LandfallError(
          "file_damaged",
          `The file ${name} in ${place} does not hold what it should.`,
          "Bring it back from a backup; or delete it there, and the next import of its source fetches it again.",
        ),
      );
    },
  });
  // An error of either reaches whoever reads, by the stream itself.
  return pipeline(source, verifying, () => undefined);
}
