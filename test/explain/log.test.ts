import { describe, expect, it } from 'vitest';
import { formatOf, type LoggedRequest, readLogLine } from '../../src/explain/log.ts';

const squid = (status: string, method: string, url: string) =>
  `1700000000.123     45 10.0.0.5 ${status} 3900 ${method} ${url} - HIER_NONE/- text/html`;

describe("Squid's native access log", () => {
  it.each([
    [squid('TCP_DENIED/403', 'CONNECT', 'T.msappproxy.net:443'), 't.msappproxy.net:443', true],
    [squid('TCP_DENIED/407', 'CONNECT', 't.msappproxy.net:443'), 't.msappproxy.net:443', true],
    [squid('TCP_DENIED_ABORTED/403', 'GET', 'http://a.example/x?y'), 'a.example:80', true],
    [squid('NONE_NONE/200', 'CONNECT', '[2001:db8::1]:443'), '[2001:db8::1]:443', false],
    // The server's own 403.
    [squid('TCP_MISS/403', 'GET', 'http://crl.example:8080/x'), 'crl.example:8080', false],
    [squid('TCP_MISS/200', 'GET', 'https://user:pw@a.example/'), 'a.example:443', false],
    [squid('TCP_TUNNEL/200', 'CONNECT', '192.0.2.1:443'), '192.0.2.1:443', false],
  ])('%s', (line, subject, denied) => {
    expect(formatOf(line)).toBe('squid');
    expect(readLogLine(line, 'squid')).toMatchObject({ subject, denied });
  });

  it('tells by which method the proxy was asked for a name', () => {
    expect(readLogLine(squid('TCP_DENIED/403', 'CONNECT', 'a.example:80'), 'squid')).toMatchObject({
      query: { method: 'tunnel' },
    });
    expect(readLogLine(squid('TCP_DENIED/403', 'GET', 'http://a.example/'), 'squid')).toMatchObject({
      query: { method: 'plain' },
    });
  });

  it.each([
    [squid('NONE_NONE/000', '-', 'error:transaction-end-before-headers'), 'nothing'],
    [squid('TCP_DENIED/403', 'CONNECT', 'no host:443'), 'unreadable'],
    ['10.0.0.5 - - [01/Jan/2026] "CONNECT a:443"', 'unreadable'],
  ])('%s is %s', (line, what) => {
    expect(readLogLine(line, 'squid')).toBe(what);
  });
});

describe('a list of blocked flows', () => {
  it.each([
    ['192.0.2.1 443', '192.0.2.1:443'],
    ['2001:db8::1,443', '[2001:db8::1]:443'],
    ['login.example.com:443', 'login.example.com:443'],
    ['[2001:db8::1]:443', '[2001:db8::1]:443'],
  ])('%s', (line, subject) => {
    expect(formatOf(line)).toBe('flows');
    expect(readLogLine(line, 'flows')).toMatchObject({
      subject,
      denied: true,
      status: 'blocked',
    } satisfies Partial<LoggedRequest>);
  });

  it.each(['192.0.2.1', '192.0.2.0/24:443', '192.0.2.1 443 tcp', 'a b'])('%s is unreadable', (line) => {
    expect(readLogLine(line, 'flows')).toBe('unreadable');
  });
});
