/**
 * The end user's address for Mixpanel's map. Only public addresses place anybody anywhere, and a forwarding list
 * ("203.0.113.7, 10.0.0.1") breaks the look-up, so its first public address is taken.
 */
import { BlockList, isIP } from 'node:net';

const notPublic = new BlockList();
for (const [net, prefix] of [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.168.0.0', 16],
  ['224.0.0.0', 3],
] as const) {
  notPublic.addSubnet(net, prefix, 'ipv4');
}
for (const [net, prefix] of [
  ['::', 127],
  ['fc00::', 7],
  ['fe80::', 10],
  ['ff00::', 8],
] as const) {
  notPublic.addSubnet(net, prefix, 'ipv6');
}

const LIST_LENGTH_MAX = 1024;
/** More hops than any path has. */
const HOPS_MAX = 50;

/** Of one address, a list as text, or a list; null when none in it is public. */
export function publicAddress(value: unknown): string | null {
  const texts: readonly unknown[] = Array.isArray(value) ? value.slice(0, HOPS_MAX) : [value];
  for (const text of texts) {
    if (typeof text !== 'string' || text.length > LIST_LENGTH_MAX) continue;
    for (const part of text.split(',')) {
      const address = bareAddress(part.trim());
      const family = isIP(address);
      if (family !== 0 && !notPublic.check(address, family === 4 ? 'ipv4' : 'ipv6')) return address;
    }
  }
  return null;
}

/** Some proxies write the port too (`203.0.113.7:4711`, `[2001:db8::7]:4711`), some servers IPv4 as `::ffff:203.0.113.7`. */
function bareAddress(text: string): string {
  const [, bracketed, dotted] = /^(?:\[([^\]]*)\](?::\d+)?|(?:::ffff:)?([\d.]+)(?::\d+)?)$/i.exec(text) ?? [];
  return bracketed ?? dotted ?? text;
}
