import { ConfigurationError } from '../problem.ts';

/** An address and a port to listen on, as people type them; 127.0.0.1 where no address is named. */
export function listenPlace(text: string): { readonly host: string; readonly port: number } {
  const [, bracketed, plain, digits] = /^(?:(?:\[([^\]]+)\]|([^:]+)):)?(\d{1,5})$/.exec(text) ?? [];
  const port = Number(digits);
  if (digits === undefined || port > 65535)
    throw new ConfigurationError(
      `--listen ${JSON.stringify(text)}: an address and a port are needed, as 127.0.0.1:8080 or [::1]:8080`,
    );
  return { host: bracketed ?? plain ?? '127.0.0.1', port };
}
