import type { Side } from './trial.ts';

/** What the READMEs of targets for nftables ask of the user's own rules, and a refusal of all else: as a shell's script. */
export function ownNftables(sides: readonly Side[]): string {
  const rules = (hook: string) =>
    sides
      .filter(({ options }) => options.hook === hook)
      .map(({ options }) => `meta mark & ${options.mark} == ${options.mark} accept`);
  const chain = (hook: string) =>
    rules(hook).length === 0
      ? ''
      : `chain ${hook} { type filter hook ${hook} priority filter; policy drop;
         meta l4proto ipv6-icmp accept
         oifname "lo" accept
         ${[...new Set(rules(hook))].join('\n')}
       }`;
  return `nft -f - <<'END'\ntable inet own {\n${chain('forward')}\n${chain('output')}\n}\nEND\n`;
}

/** The same for iptables. @param xtables the backend; the system's own if not given */
export function ownIptables(sides: readonly Side[], xtables: string | undefined): string {
  const variant = xtables === undefined ? '' : `-${xtables}`;
  const chains = [...new Set(sides.map(({ options }) => String(options.chain)))];
  return ['iptables', 'ip6tables']
    .flatMap((family) => [
      ...chains.flatMap((chain) => [
        `${family}${variant} -w 60 -N ${chain}`,
        `${family}${variant} -w 60 -A FORWARD -j ${chain}`,
      ]),
      `${family}${variant} -w 60 -P FORWARD DROP`,
    ])
    .join('\n');
}
