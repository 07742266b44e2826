/** A way to the server that can be cut: what a failover looks like from here. */
import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import type { OpenDatabase } from "../support/database.ts";

export interface Way {
  /** A database's connection strings, by this way. */
  through(urls: OpenDatabase["urls"]): OpenDatabase["urls"];
  /** Cuts every connection, and refuses new ones until it is mended. */
  cut(): Promise<void>;
  mend(): Promise<void>;
}

/** Opens a way to the server of a connection string. */
export async function openWay(url: string): Promise<Way> {
  const { hostname, port } = new URL(url);
  const sockets = new Set<Socket>();
  const server = createServer((incoming) => {
    const outgoing = connect(Number(port), hostname);
    for (const [socket, other] of [
      [incoming, outgoing],
      [outgoing, incoming],
    ] as const) {
      sockets.add(socket);
      socket.pipe(other);
      socket.on("error", () => other.destroy());
      socket.on("close", () => {
        sockets.delete(socket);
        other.destroy();
      });
    }
  });
  const listen = async (at: number) => {
    server.listen(at, "127.0.0.1");
    await once(server, "listening");
    return (server.address() as AddressInfo).port;
  };
  const here = await listen(0);
  return {
    through: (urls) =>
      Object.fromEntries(
        Object.entries(urls).map(([name, direct]) => {
          const other = new URL(direct);
          other.port = String(here);
          return [name, other.toString().replace(/\+/g, "%20")];
        }),
      ) as OpenDatabase["urls"],
    async cut() {
      const closed = once(server, "close");
      server.close();
      for (const socket of sockets) socket.resetAndDestroy();
      await closed;
    },
    async mend() {
      await listen(here);
    },
  };
}
