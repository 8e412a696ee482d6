import { createHash, timingSafeEqual } from 'node:crypto';
import { type Address, parseAddress } from '../net/address.ts';
import type { DualStackSet } from '../net/dual-stack-set.ts';

/** Who may pull. */
export interface Access {
  /** Undefined: every address. */
  readonly clients: DualStackSet | undefined;
  /** Undefined: nobody is asked. */
  readonly credentials: { readonly user: string; readonly password: string } | undefined;
}

/** An address as a socket names it: an IPv4 client of an IPv6 socket is an IPv4 client. */
export function clientAddress(text: string): Address {
  return parseAddress(text.replace(/^::ffff:(?=\d+\.)/i, '').replace(/%.*$/, ''));
}

/** Whether the address may ask at all. */
export function mayAsk({ clients }: Access, text: string): boolean {
  if (clients === undefined) return true;
  const { family, value } = clientAddress(text);
  return (family === 4 ? clients.ipv4 : clients.ipv6).contains(value);
}

/** Whether an `Authorization` header has the user and the password; compared in constant time. */
export function isKnown({ credentials }: Access, header: string | undefined): boolean {
  if (credentials === undefined) return true;
  const encoded = /^Basic ([A-Za-z0-9+/]+={0,2})$/i.exec(header ?? '')?.[1];
  const given = Buffer.from(encoded ?? '', 'base64').toString('utf8');
  return timingSafeEqual(hash(given), hash(`${credentials.user}:${credentials.password}`));
}

function hash(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
