import { describe, expect, it } from 'vitest';
import { isExempt, proxyFor } from '../../src/feed/proxy.ts';
import { publicUrl, redact, secretsOf } from '../../src/feed/redact.ts';
import { ConfigurationError } from '../../src/problem.ts';

describe('NO_PROXY', () => {
  it.each([
    ['https://a.example.com/', '', false],
    ['https://a.example.com/', '*', true],
    ['https://a.example.com/', 'example.com', true],
    ['https://a.example.com/', '.example.com', true],
    ['https://a.example.com/', '*.example.com', true],
    ['https://A.EXAMPLE.com/', 'Example.COM', true],
    ['https://example.com/', 'example.com', true],
    ['https://notexample.com/', 'example.com', false],
    ['https://notexample.com/', '.example.com', false],
    ['https://a.example.com/', 'b.example.com, x.org , example.com', true],
    ['https://a.example.com/', 'x.org example.com', true],
    ['https://a.example.com/', 'example.com:443', true],
    ['https://a.example.com:8443/', 'example.com:443', false],
    ['http://a.example.com/', 'example.com:80', true],
    ['http://192.0.2.7/', '192.0.2.7', true],
    ['http://192.0.2.77/', '192.0.2.7', false],
    ['http://[2001:db8::1]/', '2001:db8::1', true],
    ['http://[2001:db8::1]:81/', '[2001:db8::1]:81', true],
    ['http://[2001:db8::1]:82/', '[2001:db8::1]:81', false],
    ['https://a.example.com/', ',,', false],
  ])('%s with %j: exempt %j', (url, noProxy, exempt) => {
    expect(isExempt(new URL(url), noProxy)).toBe(exempt);
  });
});

describe('the proxy of a URL', () => {
  it.each<[string, Record<string, string>, string | undefined]>([
    ['https://x.org/', {}, undefined],
    ['https://x.org/', { HTTPS_PROXY: 'http://p:8080' }, 'http://p:8080/'],
    ['https://x.org/', { HTTPS_PROXY: 'p:8080' }, 'http://p:8080/'],
    ['https://x.org/', { HTTPS_PROXY: 'http://upper', https_proxy: 'http://lower' }, 'http://lower/'],
    ['https://x.org/', { HTTP_PROXY: 'http://p' }, undefined],
    ['http://x.org/', { HTTP_PROXY: 'http://p' }, 'http://p/'],
    ['http://x.org/', { HTTPS_PROXY: 'http://p' }, undefined],
    ['https://x.org/', { ALL_PROXY: 'https://p:3129' }, 'https://p:3129/'],
    ['https://x.org/', { HTTPS_PROXY: ' ' }, undefined],
    ['https://x.org/', { HTTPS_PROXY: 'http://p', NO_PROXY: 'x.org' }, undefined],
    ['https://x.org/', { HTTPS_PROXY: 'http://p', NO_PROXY: 'x.org', no_proxy: 'y.org' }, 'http://p/'],
  ])('%s with %o is %s', (url, environment, proxy) => {
    expect(proxyFor(new URL(url), environment)?.href).toBe(proxy);
  });

  it.each(['socks5://user:pa55@p:1080', 'http://', 'ftp://p', 'http://user:pa55@:x'])(
    '%s is refused without being told',
    (value) => {
      const refused = () => proxyFor(new URL('https://x.org/'), { HTTPS_PROXY: value });
      expect(refused).toThrow(ConfigurationError);
      expect(refused).toThrow(/HTTPS_PROXY: is not an http/);
      expect(refused).not.toThrow(/pa55/);
    },
  );
});

describe('what may be shown of a URL', () => {
  it.each([
    ['https://u:p@h.org/a?id=5&sig=s#f', 'https://h.org/a?id=5&sig=…'],
    ['https://h.org/a?api-version=2025-05-01', 'https://h.org/a?api-version=2025-05-01'],
    ['https://h.org/a', 'https://h.org/a'],
    ['//u:p@nonsense path?sig=s', '//…@nonsense path'],
  ])('%s is %s', (url, shown) => {
    expect(publicUrl(url)).toBe(shown);
  });

  it('has none of its secrets in any spelling', () => {
    const secrets = secretsOf(new URL('https://me:p%40ss@h.org/?sig=a%2Fb&id=9'));
    const basic = Buffer.from('me:p@ss').toString('base64');
    expect(redact(`p@ss p%40ss a/b a%2Fb ${basic} id=9`, secrets)).toBe('… … … … … id=9');
  });
});
