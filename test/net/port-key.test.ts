import { expect, it } from 'vitest';
import { portKey } from '../../src/net/port-key.ts';
import { PortSet } from '../../src/net/ports.ts';

const keyOf = (...texts: readonly string[]) =>
  portKey(texts.map((text) => PortSet.parse(text)).reduce((all, ports) => all.union(ports), PortSet.empty));

it.each([
  [['443'], '443'],
  [['80', '443'], '80-443'],
  [['1-3', '9'], '1_3-9'],
  [['1-3', '5-6'], '1_3-5_6'],
  [['80', '4430'], '80-4430'],
])('the key of %j is %s', (texts, key) => {
  expect(keyOf(...texts)).toBe(key);
});

it('longer ones are a hash of the ports: six digits, whatever its first is', () => {
  expect(keyOf('80', '44300')).toBe('p494d86');
  const keys = Array.from({ length: 500 }, (_, i) => keyOf('80', `${20_000 + 2 * i}`));
  expect(new Set(keys).size).toBe(keys.length);
  for (const key of keys) expect(key).toMatch(/^p[0-9a-f]{6}$/);
  expect(keys.some((key) => key.startsWith('p0'))).toBe(true);
});
