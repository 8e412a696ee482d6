import { describe, expect, it } from 'vitest';
import { formatSubject, parseQuery, QuerySyntaxError, queriedPorts } from '../../src/policy/query.ts';

const read = (text: string) => {
  const query = parseQuery(text);
  const path = query.kind === 'name' ? query.path : undefined;
  return [
    query.kind,
    formatSubject(query),
    query.port === undefined ? '-' : queriedPorts(query.port).toString(),
    ...(path === undefined ? [] : [path]),
  ].join(' ');
};

describe('a query', () => {
  it.each([
    ['http://a.example.com', 'plain'],
    ['https://a.example.com', 'tunnel'],
    ['https://a.example.com:80/x', 'tunnel'],
    ['wss://a.example.com', 'tunnel'],
    ['a.example.com:80', undefined],
    ['http://192.0.2.1/', undefined],
  ])('%s asks a proxy by %s', (text, method) => {
    const query = parseQuery(text);
    expect(query.kind === 'name' ? query.method : undefined).toBe(method);
  });

  it.each([
    ['192.0.2.1', 'address 192.0.2.1 -'],
    ['192.0.2.1:443', 'address 192.0.2.1 443'],
    ['2001:DB8::1', 'address 2001:db8::1 -'],
    ['2001:db8::1:443', 'address 2001:db8::1:443 -'],
    ['[2001:db8::1]', 'address 2001:db8::1 -'],
    ['[2001:db8::1]:443', 'address 2001:db8::1 443'],
    ['Login.Example.com.', 'name login.example.com -'],
    ['login.example.com:8443', 'name login.example.com 8443'],
    ['bücher.example', 'name xn--bcher-kva.example -'],
    ['https://a.example.com/x/y?z=1#f', 'name a.example.com 443 /x/y'],
    ['HTTP://a.example.com', 'name a.example.com 80 /'],
    ['https://user:p@ss@a.example.com:8443?x', 'name a.example.com 8443 /'],
    ['http://[2001:db8::1]/x', 'address 2001:db8::1 80'],
    ['https://192.0.2.1/10.0.0.0/8', 'address 192.0.2.1 443'],
    ['sb://bus.example.net:5671/', 'name bus.example.net 5671 /'],
    ['192.0.2.0/24', 'prefix 192.0.2.0/24 -'],
    ['192.0.2.0/24:443', 'prefix 192.0.2.0/24 443'],
    ['192.0.2.1:443/tcp', 'address 192.0.2.1 443'],
    ['192.0.2.1:3478/udp', 'address 192.0.2.1 3478/udp'],
    ['[2001:db8::1]:3478/udp', 'address 2001:db8::1 3478/udp'],
    ['turn.example.com:3478/udp', 'name turn.example.com 3478/udp'],
    ['192.0.2.0/24:3478/udp', 'prefix 192.0.2.0/24 3478/udp'],
    ['https://a.example.com:80/udp', 'name a.example.com 80 /udp'],
    ['2001:db8::/32', 'prefix 2001:db8::/32 -'],
    ['2001:db8::/32:443', 'prefix 2001:db8::/32 443'],
  ])('%s is %s', (text, expected) => {
    expect(read(text)).toBe(expected);
  });

  it.each([
    ['', 'nothing'],
    ['a.example b.example', 'one host'],
    ['192.0.2', 'four parts'],
    ['192.0.2.010', 'begin with 0'],
    ['192.0.2.256', 'at most 255'],
    ['http://0x7f.1/', 'number'],
    ['192.0.2.1/24', 'did you mean 192.0.2.0/24 or 192.0.2.1/32'],
    ['192.0.2.0/33', 'not an address or CIDR'],
    ['a.example/x', 'did you mean https://a.example/x'],
    ['*.example.com', 'such as a.example.com'],
    ['a.example:0', 'not a port'],
    ['a.example:65536', 'range of ports'],
    ['a.example:80-90', 'one port'],
    ['a.example:80/sctp', 'not an address or CIDR'],
    ['2001:db8::1/udp', 'hexadecimal'],
    ['a.example:', 'not a port'],
    ['gopher://a.example', 'port of gopher'],
    ['[192.0.2.1]:443', 'IPv6'],
    ['[2001:db8::1', 'IPv6'],
    ['fe80::1%eth0', 'hexadecimal'],
    ['https://', 'it is empty'],
  ])('%j is none', (text, why) => {
    expect(() => parseQuery(text)).toThrow(QuerySyntaxError);
    expect(() => parseQuery(text)).toThrow(why);
  });
});
