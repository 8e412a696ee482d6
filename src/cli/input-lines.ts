import { StringDecoder } from 'node:string_decoder';

/** No query is longer: of a longer line only so many characters are kept, for the message. */
const LONGEST_LINE = 65_536;

/**
 * The lines of a stream, as many at once as came with one chunk, so that memory stays constant however many
 * there are and however long one is. Ends of line are LF or CRLF; the last may be missing.
 */
export async function* inputLines(input: AsyncIterable<string | Uint8Array>): AsyncGenerator<string[]> {
  const decoder = new StringDecoder('utf8');
  let rest = '';
  for await (const chunk of input) {
    const lines = (rest + (typeof chunk === 'string' ? chunk : decoder.write(chunk))).split('\n');
    rest = lines.pop()!.slice(0, LONGEST_LINE);
    if (lines.length > 0) yield lines.map(withoutReturn);
  }
  rest += decoder.end();
  if (rest !== '') yield [withoutReturn(rest)];
}

function withoutReturn(line: string): string {
  return line.endsWith('\r') ? line.slice(0, -1) : line;
}
