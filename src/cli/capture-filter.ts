import { type CaptureProxy, type CaptureTool, captureFilters } from '../explain/capture-filter.ts';
import { parseAddress } from '../net/address.ts';
import { ConfigurationError } from '../problem.ts';
import { openOutputTree } from './answering.ts';
import type { Io } from './io.ts';

/** Filters for packet captures, made from the policy of the output tree. */
export async function captureFilterCommand(
  flags: {
    readonly config: string;
    readonly out?: string;
    readonly tool?: CaptureTool;
    readonly proxy?: string;
    readonly json?: boolean;
  },
  io: Io,
): Promise<void> {
  const proxy = flags.proxy === undefined ? undefined : readCaptureProxy(flags.proxy);
  const { policy } = await openOutputTree(flags);
  const filters = captureFilters(policy, proxy).filter(
    ({ tool }) => flags.tool === undefined || tool === flags.tool,
  );
  if (flags.json === true) io.out(JSON.stringify(filters, null, 2));
  else io.out(filters.map(({ tool, purpose, filter }) => `# ${tool}: ${purpose}\n${filter}`).join('\n\n'));
}

/** `3128`, `192.0.2.1:3128` or `[2001:db8::1]:3128`: a capture filter takes no names. */
function readCaptureProxy(text: string): CaptureProxy {
  const match = /^(?:(?:\[([^\]]+)\]|([\d.]+)):)?([1-9]\d{0,4})$/.exec(text);
  try {
    if (match === null || Number(match[3]) > 65535) throw new RangeError(`${JSON.stringify(text)} is none`);
    const address = match[1] ?? match[2];
    return { address: address === undefined ? undefined : parseAddress(address), port: Number(match[3]) };
  } catch (error) {
    throw new ConfigurationError('The filter cannot be made', [
      {
        where: '--proxy',
        what: (error as Error).message,
        next: 'give a port, or an address and a port: 3128, 192.0.2.1:3128, [2001:db8::1]:3128',
      },
    ]);
  }
}
