import { describe, expect, it } from 'vitest';
import { DualStackSet } from '../../src/net/dual-stack-set.ts';
import { parseHostPattern } from '../../src/net/host-pattern.ts';
import { HostSet } from '../../src/net/host-set.ts';
import { parsePrefix } from '../../src/net/prefix.ts';

describe('net', () => {
  it('merges adjacent prefixes into the exact cover', () => {
    const set = DualStackSet.fromPrefixes(
      ['198.51.100.0/25', '198.51.100.128/25', '2001:db8::/33', '2001:db8:8000::/33'].map(parsePrefix),
    );
    expect(set.toStrings()).toEqual(['198.51.100.0/24', '2001:db8::/32']);
  });
  it('drops hosts that a suffix covers', () => {
    const set = HostSet.fromPatterns(['x.a.com', '*.a.com', 'a.com', 'b.org'].map(parseHostPattern));
    expect(set.toStrings()).toEqual(['.a.com', 'b.org']);
  });
});
