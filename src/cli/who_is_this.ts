import { hostname, userInfo } from "node:os";

/** Who does this, for the record: the database sees a login of Landfall's own. */
export function whoIsThis(): string {
  return `${userInfo().username}@${hostname()}`;
}
