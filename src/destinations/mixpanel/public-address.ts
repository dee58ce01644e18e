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

export function publicAddress(value: unknown): string | null {
  if (typeof value !== 'string' || value.length > LIST_LENGTH_MAX) return null;
  for (const part of value.split(',')) {
    const address = part.trim();
    const family = isIP(address);
    if (family !== 0 && !notPublic.check(address, family === 4 ? 'ipv4' : 'ipv6')) return address;
  }
  return null;
}
