// Jest's environment for Node, in workers that end at once: a worker whose tests have loaded the API a few times holds half a gigabyte,
// and giving that back piece by piece takes longer on a busy machine than the half second that Jest waits before it tells of a leak.
import { TestEnvironment } from "jest-environment-node";

if (process.connected) process.once("exit", (code) => process.reallyExit(code));

export default TestEnvironment;
