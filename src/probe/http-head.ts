import type { Duplex } from 'node:stream';

/** The head of an HTTP answer. */
export interface HttpHead {
  readonly status: number;
  readonly reason: string;
  /** By name in lower case; of a header that is listed twice, the first. */
  readonly headers: ReadonlyMap<string, string>;
}

/** An answer that is no HTTP, or none at all. */
export class NoHttpAnswer extends Error {
  override readonly name = 'NoHttpAnswer';
}

/** So many bytes of a head are read. */
const LONGEST_HEAD = 16_384;

/**
 * Writes a request and reads the head of its answer; nothing after the head is kept.
 * @throws NoHttpAnswer
 */
export function askHead(stream: Duplex, request: string, milliseconds: number): Promise<HttpHead> {
  return new Promise((resolve, reject) => {
    let text = '';
    const finish = (settle: () => void) => {
      clearTimeout(timer);
      stream.removeListener('data', onData);
      stream.removeListener('error', onError);
      stream.removeListener('close', onClose);
      stream.removeListener('end', onClose);
      stream.pause();
      settle();
    };
    const fail = (message: string) => finish(() => reject(new NoHttpAnswer(message)));
    const onError = (error: NodeJS.ErrnoException) => fail(error.code ?? error.message);
    const onClose = () => fail(text === '' ? 'closed without an answer' : 'closed within the head');
    const onData = (data: Buffer) => {
      text += data.toString('latin1');
      const end = text.indexOf('\r\n\r\n');
      if (end < 0) {
        if (text.length > LONGEST_HEAD) fail(`no end of the head in ${LONGEST_HEAD} bytes`);
        return;
      }
      const head = parseHead(text.slice(0, end));
      if (head === undefined) fail('the answer is no HTTP');
      else finish(() => resolve(head));
    };
    const timer = setTimeout(() => fail(`no answer in ${milliseconds / 1000} s`), milliseconds);
    stream.on('data', onData);
    stream.on('error', onError);
    stream.on('close', onClose);
    stream.on('end', onClose);
    stream.write(request);
  });
}

function parseHead(text: string): HttpHead | undefined {
  const [first = '', ...lines] = text.split('\r\n');
  const match = /^HTTP\/1\.[01] (\d{3})(?: (.*))?$/.exec(first);
  if (match === null) return undefined;
  const headers = new Map<string, string>();
  for (const line of lines) {
    const colon = line.indexOf(':');
    const name = line.slice(0, colon).trim().toLowerCase();
    if (colon > 0 && !headers.has(name)) headers.set(name, line.slice(colon + 1).trim());
  }
  return { status: Number(match[1]), reason: match[2] ?? '', headers };
}
