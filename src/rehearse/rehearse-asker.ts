import { connect } from 'node:net';

/**
 * A program of its own, for a network namespace: asks the proxy on `PORT` (the first argument) for each line
 * `CONNECT|GET HOST PORT CLIENT` of standard input, and writes the statuses of the answers, a line each. CLIENT is the
 * address that the request comes from; 0 is no answer.
 */

/** How many requests are open at once. */
const AT_ONCE = 50;
const PATIENCE_MILLISECONDS = 20_000;

const [, , proxy = ''] = process.argv;
let text = '';
for await (const chunk of process.stdin) text += String(chunk);
const lines = text.split('\n').filter((line) => line !== '');
const statuses: number[] = [];
let next = 0;

async function worker(): Promise<void> {
  for (;;) {
    const index = next++;
    const line = lines[index];
    if (line === undefined) return;
    statuses[index] = await ask(line);
  }
}

function ask(line: string): Promise<number> {
  const [method = '', host = '', port = '', client = ''] = line.split(' ');
  const authority = `${host.includes(':') ? `[${host}]` : host}:${port}`;
  return new Promise((done) => {
    const socket = connect({
      host: client.includes(':') ? '::1' : '127.0.0.1',
      port: Number(proxy),
      localAddress: client,
    });
    let answer = '';
    const end = (status: number) => {
      socket.destroy();
      done(status);
    };
    socket.setTimeout(PATIENCE_MILLISECONDS, () => end(0));
    socket.on('error', () => end(0));
    socket.on('close', () => end(0));
    socket.on('data', (data: Buffer) => {
      answer += data.toString('latin1');
      const status = /^HTTP\/1\.\d (\d{3})/.exec(answer)?.[1];
      if (status !== undefined) end(Number(status));
    });
    socket.write(
      `${method} ${method === 'CONNECT' ? authority : `http://${authority}/`} HTTP/1.1\r\nHost: ${authority}\r\nConnection: close\r\n\r\n`,
    );
  });
}

await Promise.all(Array.from({ length: AT_ONCE }, worker));
process.stdout.write(statuses.map((status) => `${status}\n`).join(''));
