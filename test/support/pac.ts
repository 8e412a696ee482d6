import { spawnSync } from 'node:child_process';
import { createContext, runInContext } from 'node:vm';

/** A URL and the host that a client takes from it. */
export interface PacQuestion {
  readonly url: string;
  readonly host: string;
}

/** Evaluates a PAC file here, without any of the functions that clients define for it. */
export function askNode(text: string, questions: readonly PacQuestion[]): string[] {
  const context = createContext({});
  runInContext(text, context, { timeout: 5000 });
  return questions.map(({ url, host }) =>
    String(
      runInContext(`FindProxyForURL(${JSON.stringify(url)}, ${JSON.stringify(host)})`, context, {
        timeout: 5000,
      }),
    ),
  );
}

const PYTHON = `
import json, sys
import pacparser
work = json.load(sys.stdin)
pacparser.init()
pacparser.parse_pac_string(work["text"])
print(json.dumps([pacparser.find_proxy(each["url"], each["host"]) for each in work["questions"]]))
pacparser.cleanup()
`;

/** Debian's own Python, which has Debian's pacparser. */
const python = '/usr/bin/python3';

export const lacksPacparser = spawnSync(python, ['-c', 'import pacparser']).status !== 0;
if (lacksPacparser && process.env.REQUIRE_LIVE === '1')
  throw new Error('REQUIRE_LIVE=1, but python3-pacparser is missing');
if (lacksPacparser) process.stderr.write('skipped, not installed: python3-pacparser\n');

/** Evaluates a PAC file in pacparser, whose engine knows ECMAScript 3. */
export function askPacparser(text: string, questions: readonly PacQuestion[]): string[] {
  const { status, stdout, stderr } = spawnSync(python, ['-c', PYTHON], {
    input: JSON.stringify({ text, questions }),
    encoding: 'utf8',
    maxBuffer: 64 * 2 ** 20,
    timeout: 120_000,
  });
  if (status !== 0) throw new Error(`pacparser: ${stderr}`);
  return JSON.parse(stdout) as string[];
}
