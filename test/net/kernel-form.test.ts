import { describe, expect, it } from 'vitest';
import { inCompiledForm, inQuickerForm, type KernelForm, plainForm } from '../../src/net/kernel-form.ts';
import { IN_ARRAY, IPV4_COUNT, IPV6_COUNT, STATE_WORDS } from '../../src/net/portable/range-list.ts';
import { PLACES } from '../../src/net/portable/record-sort.ts';
import { almostPrefix } from './almost-prefix.ts';
import { agree, CASES, forSeeds, type Random } from './seeded.ts';

const encoder = new TextEncoder();

/** The results of a job in both forms, which must be equal. */
function inBoth<T>(what: string, job: <Bytes, Words>(form: KernelForm<Bytes, Words>) => T): T {
  const compiled = inCompiledForm(job);
  agree(what, compiled, job(plainForm));
  return compiled;
}

/** Copies words into the form's memory. */
function put<Bytes, Words>(form: KernelForm<Bytes, Words>, content: readonly number[], room = 0): Words {
  const at = form.words(content.length + room);
  form.viewWords(at, content.length).set(content);
  return at;
}

function putText<Bytes, Words>(form: KernelForm<Bytes, Words>, text: Uint8Array): Bytes {
  const at = form.bytes(text.length + 1);
  const view = form.viewBytes(at, text.length + 1);
  view.set(text);
  view[text.length] = 0;
  return at;
}

/** Reads a text by both readers, whole and but for its end: how far each gets, and with which ranges. */
function read<Bytes, Words>(form: KernelForm<Bytes, Words>, text: Uint8Array, limit: number) {
  const bytes = putText(form, text);
  const key = putText(form, encoder.encode('"k"'));
  return (['readLines', 'readArrays'] as const).map((reader) => {
    const [ipv4, ipv6] = [form.words(2 * 64), form.words(8 * 64)];
    const state = put(form, Array<number>(STATE_WORDS).fill(0));
    const end =
      reader === 'readLines'
        ? form.call.readLines(bytes, text.length, limit, ipv4, ipv6, state)
        : form.call.readArrays(bytes, text.length, limit, key, 3, ipv4, ipv6, state);
    const after = [...form.viewWords(state, STATE_WORDS)];
    return {
      end,
      after,
      ipv4: [...form.viewWords(ipv4, 2 * after[IPV4_COUNT]!)],
      ipv6: [...form.viewWords(ipv6, 8 * after[IPV6_COUNT]!)],
    };
  });
}

/** Ranges in any order, with gaps and without, at both ends of the space and in its middle. */
function ranges(random: Random, words: 1 | 4): number[] {
  const count = random.below(random.chance(8) ? 200 : 12);
  const low = random.pick([0, 0xffffffff - 400, 0x7fffff00]);
  return Array.from({ length: count }, () => {
    const first = low + random.below(380);
    const address = (last: number) =>
      words === 1 ? [last] : [...Array.from({ length: 3 }, () => random.pick([0, low])), last];
    const begin = address(first);
    return [...begin, ...begin.slice(0, -1), first + random.below(20)];
  }).flat();
}

describe('the compiled form', () => {
  it('reads what the plain form reads, and stops where it stops', () => {
    forSeeds(CASES, (random) => {
      const lines = Array.from({ length: 1 + random.below(4) }, () => almostPrefix(random));
      const text = random.pick([
        lines.join(random.pick(['\n', '\r\n', '\n\n', '\r'])),
        JSON.stringify({ k: lines }, undefined, random.below(2)),
        `["k${lines.join('"')}], "k": "${lines[0]}"`,
      ]);
      const bytes = encoder.encode(text);
      const limit = random.chance(2) ? bytes.length : random.below(bytes.length + 1);
      inBoth(text, (form) => read(form, bytes, limit));
    });
  });

  it('reads a text in two parts like in one', () => {
    const texts = [
      ['192.0.2.0/24', '2001:db8::/32', '', '198.51.100.0/25'].join('\n'),
      JSON.stringify([{ k: ['192.0.2.0/24', '2001:db8::/32'], a: ['x'] }, { k: [] }, { k: ['::/0'] }]),
    ];
    for (const [reader, text] of (['readLines', 'readArrays'] as const).map(
      (name, i) => [name, texts[i]!] as const,
    ))
      for (let limit = 0; limit <= text.length; limit++)
        inBoth(`${text} from ${limit}`, (form) => {
          const bytes = encoder.encode(text);
          const key = putText(form, encoder.encode('"k"'));
          const parts = (...limits: readonly number[]) => {
            const [ipv4, ipv6] = [form.words(2 * 8), form.words(8 * 8)];
            const state = put(form, Array<number>(STATE_WORDS).fill(0));
            let at = 0;
            for (const end of limits) {
              const rest = bytes.subarray(at);
              const at0 = putText(form, rest);
              const here = [rest.length, Math.max(0, end - at)] as const;
              at +=
                reader === 'readLines'
                  ? form.call.readLines(at0, ...here, ipv4, ipv6, state)
                  : form.call.readArrays(at0, ...here, key, 3, ipv4, ipv6, state);
            }
            const after = [...form.viewWords(state, STATE_WORDS)];
            return [
              at,
              after,
              [...form.viewWords(ipv4, 2 * after[IPV4_COUNT]!)],
              [...form.viewWords(ipv6, 8 * after[IPV6_COUNT]!)],
            ];
          };
          const whole = parts(text.length);
          agree(`${text} at ${limit}`, parts(limit, text.length), whole);
          return whole;
        });
  });

  it('takes no key that goes over the end', () => {
    inBoth('a part of a key', (form) => {
      const bytes = putText(form, encoder.encode('"k":["192.0.2.0/24"]'));
      const key = putText(form, encoder.encode('"k"'));
      const [ipv4, ipv6] = [form.words(2), form.words(8)];
      const ends = [2, 3].map((length) => {
        const state = put(form, Array<number>(STATE_WORDS).fill(0));
        const end = form.call.readArrays(bytes, length, length, key, 3, ipv4, ipv6, state);
        return [end, form.viewWords(state, STATE_WORDS)[IN_ARRAY]];
      });
      agree('ends', ends, [
        [2, 0],
        [3, 1],
      ]);
      return ends;
    });
  });

  it.each([1, 4] as const)('sorts, merges and covers as the plain form does (%i words)', (words) => {
    let swapped = 0;
    forSeeds(Math.max(400, CASES / 10), (random) => {
      const content = ranges(random, words);
      const count = content.length / (2 * words);
      const result = inBoth(content.join(), (form) => {
        const records = put(form, content);
        const spare = form.words(content.length);
        const sorted = form.call.areSorted(records, count, 2 * words, words) ? 1 : 0;
        const inSpare = form.call.sortRecords(records, spare, form.words(PLACES), count, 2 * words, words);
        const ordered = inSpare ? spare : records;
        const order = [...form.viewWords(ordered, content.length)];
        const flipCount =
          words === 1 ? form.call.mergeIpv4(ordered, count) : form.call.mergeIpv6(ordered, count);
        const flips = [...form.viewWords(ordered, flipCount * words)];
        const scratch = form.words(words + 1);
        const covered =
          words === 1
            ? form.call.countIpv4Cover(ordered, flipCount, scratch)
            : form.call.countIpv6Cover(ordered, flipCount, scratch);
        const prefixes = form.words((covered + 1) * (words + 1));
        const written =
          words === 1
            ? form.call.ipv4Cover(ordered, flipCount, prefixes)
            : form.call.ipv6Cover(ordered, flipCount, prefixes);
        const cover = [...form.viewWords(prefixes, covered * (words + 1))];
        const text = form.bytes(44 * covered);
        const length =
          words === 1
            ? form.call.writeIpv4Lines(prefixes, covered, text, 0)
            : form.call.writeIpv6Lines(prefixes, covered, text, 0);
        return {
          sorted,
          inSpare: Number(inSpare),
          order,
          flips,
          covered,
          written,
          cover,
          text: new TextDecoder().decode(form.viewBytes(text, length)),
        };
      });
      expect(result.written).toBe(result.covered);
      swapped += result.inSpare;
    });
    expect(swapped).toBeGreaterThan(0);
  });

  it('gives its room back after each job, and grows when a job needs more', () => {
    const addressAfter = (bytes: number) =>
      inCompiledForm((form) => {
        form.bytes(bytes);
        return form.viewBytes(form.bytes(1), 1).byteOffset;
      });
    const usual = addressAfter(100);
    expect(addressAfter(2 ** 27)).toBeGreaterThan(2 ** 27);
    expect(addressAfter(100)).toBe(usual);
    let tries = 0;
    expect(() =>
      inCompiledForm((form) => {
        form.bytes(2 ** 20);
        tries++;
        throw new TypeError('a failing job');
      }),
    ).toThrow('a failing job');
    expect(tries).toBe(1);
    expect(addressAfter(100)).toBe(usual);
  });

  it('leaves a job that needs more room than there is to the plain form', () => {
    const forms: unknown[] = [];
    const result = inCompiledForm((form) => {
      forms.push(form);
      // Nothing is written there, so that the plain form takes no memory for it.
      form.bytes(2 ** 31);
      form.bytes(2 ** 31);
      return form.viewBytes(form.bytes(3), 3).length;
    });
    expect(result).toBe(3);
    expect(forms).toHaveLength(2);
    expect(forms[0]).not.toBe(plainForm);
    expect(forms[1]).toBe(plainForm);
  });

  it('serves large jobs, and smaller ones once it is there', () => {
    const isPlain = (bytes: number) => inQuickerForm(bytes, (form) => form === (plainForm as unknown));
    // A job that leaves much memory behind is the last one of its instance.
    inCompiledForm((form) => form.bytes(2 ** 27));
    expect(isPlain(2 ** 15 - 1)).toBe(true);
    expect(isPlain(2 ** 15)).toBe(false);
    expect(isPlain(2 ** 12)).toBe(false);
    expect(isPlain(2 ** 12 - 1)).toBe(true);
  });
});
