import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';

/**
 * Compares contestants and then times them, turn by turn, so that a noisy moment of the machine falls on
 * all of them. The first contestant is ours; every other answer must equal its answer, and is reported as
 * wrong where it does not. Ratios are medians of the ratios within one round.
 *
 * A contestant is { name, run, answer? }: `run` does the work, `answer` turns its result into a string.
 */
export function contest({ title, contestants, rounds = 7, patience = 2000, note }) {
  process.stderr.write(`${title}\n`);
  const rows = [];
  let truth;
  for (const { name, run, answer } of contestants) {
    const row = { name, times: [], ratios: [], verdict: '' };
    rows.push(row);
    try {
      const begin = performance.now();
      const result = run();
      row.first = performance.now() - begin;
      if (answer === undefined) continue;
      const text = answer(result);
      if (truth === undefined) truth = text;
      else row.verdict = text === truth ? 'same answer' : 'WRONG answer';
    } catch (error) {
      row.verdict = `failed: ${String(error.message).split('\n')[0]}`;
    }
  }
  for (let round = 0; round < rounds; round++) {
    let ours;
    for (const [i, { run }] of contestants.entries()) {
      const row = rows[i];
      if (row.verdict.startsWith('failed')) continue;
      // Who is very slow is timed once, or the bench would not end.
      if (i > 0 && round > 0 && row.times[0] > patience) {
        row.ratios.push(row.times[0] / ours);
        continue;
      }
      const begin = performance.now();
      run();
      const time = performance.now() - begin;
      if (i === 0) ours = time;
      row.times.push(time);
      row.ratios.push(time / ours);
    }
  }
  return {
    title,
    note,
    rows: rows.map(({ name, times, ratios, verdict, first }) => ({
      name,
      milliseconds: median(times),
      ratio: median(ratios),
      first,
      verdict,
    })),
  };
}

export function median(values) {
  if (values.length === 0) return undefined;
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/** A whole process as a contestant; `input` is a file for its standard input. */
export function program(name, command, { answer, input } = {}) {
  return {
    name,
    command,
    answer,
    run: () => {
      const [file, ...args] = command;
      const result = input
        ? spawnSync('/bin/sh', ['-c', `exec "$0" "$@" < "${input}"`, file, ...args], { maxBuffer: 2 ** 30 })
        : spawnSync(file, args, { maxBuffer: 2 ** 30 });
      if (result.status !== 0) throw new Error(`${name}: ${result.stderr ?? result.error}`);
      return result.stdout;
    },
  };
}

/** Peak memory of a process in megabytes, by GNU time; undefined where that is not installed. */
export function peakMemory(command) {
  if (!existsSync('/usr/bin/time')) return undefined;
  const result = spawnSync('/usr/bin/time', ['-f', '%M', ...command], { maxBuffer: 2 ** 30 });
  return Math.round(Number(String(result.stderr).trim().split('\n').at(-1)) / 1024);
}

export function installed(name) {
  return spawnSync('/bin/sh', ['-c', `command -v ${name}`]).status === 0;
}

/** Whether python3 has the module. */
export function importable(module) {
  return spawnSync('python3', ['-c', `import ${module}`]).status === 0;
}
