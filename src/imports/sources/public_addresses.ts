import { lookup as lookUp } from "node:dns";
import { BlockList, isIP, type LookupFunction } from "node:net";

/*
 * An address that stands in a record may be anybody's invention. Before anything is asked there, every place it leads to is looked at: what
 * answers only inside a network must not be reached from outside through us.
 */

const closed = new BlockList();
for (const [network, prefix] of [
  ["0.0.0.0", 8],
  ["10.0.0.0", 8],
  ["100.64.0.0", 10],
  ["127.0.0.0", 8],
  ["169.254.0.0", 16],
  ["172.16.0.0", 12],
  ["192.0.0.0", 24],
  ["192.0.2.0", 24],
  ["192.168.0.0", 16],
  ["198.18.0.0", 15],
  ["198.51.100.0", 24],
  ["203.0.113.0", 24],
  ["224.0.0.0", 3],
] as const) {
  closed.addSubnet(network, prefix, "ipv4");
}
for (const [network, prefix] of [
  ["::", 96],
  ["64:ff9b::", 96],
  ["100::", 64],
  ["2001:db8::", 32],
  ["2002::", 16],
  ["fc00::", 7],
  ["fe80::", 10],
  ["ff00::", 8],
] as const) {
  closed.addSubnet(network, prefix, "ipv6");
}

/** Whether everybody can reach an address: not this machine, not a network's inside, nothing reserved. */
export function isPublic(address: string): boolean {
  const family = isIP(address);
  // A v4 address within a v6 one is checked as the v4 address.
  return family !== 0 && !closed.check(address, family === 4 ? "ipv4" : "ipv6");
}

/** A host leads inside a network. */
export class PrivateAddress extends Error {}

/** As dns.lookup, and refuses a name that leads, by any of its addresses, to where not everybody can come. */
export const lookUpPublic: LookupFunction = (hostname, options, callback) => {
  lookUp(hostname, { ...options, all: true }, (error, addresses) => {
    if (error) return callback(error, []);
    const refused = addresses.find(({ address }) => !isPublic(address));
    if (refused !== undefined || addresses[0] === undefined) {
      return callback(new PrivateAddress(`${hostname} leads to ${refused?.address ?? "nowhere"}`), []);
    }
    if (options.all) return callback(null, addresses);
    return callback(null, addresses[0].address, addresses[0].family);
  });
};

/**
 * Refuses an address that need not be looked up to see where it leads.
 *
 * @throws PrivateAddress
 */
export function requirePublic(url: URL): void {
  if (url.protocol !== "https:" && url.protocol !== "http:")
    throw new PrivateAddress(`${url.protocol} is no web address`);
  const host = url.hostname.replace(/^\[|\]$/g, "");
  if (isIP(host) !== 0 && !isPublic(host)) throw new PrivateAddress(`${host} is no public address`);
}
