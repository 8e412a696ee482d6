// Looks up A and AAAA of the names given at the server given first; prints { name: [address, …] } as JSON.
import { Resolver } from 'node:dns/promises';

const [server, ...names] = process.argv.slice(2);
const resolver = new Resolver({ timeout: 500, tries: 8 });
resolver.setServers([server]);
const none = (error) => {
  if (error.code === 'ENODATA' || error.code === 'ENOTFOUND') return [];
  throw error;
};
const found = {};
for (const name of names)
  found[name] = [
    ...(await resolver.resolve4(name).catch(none)),
    ...(await resolver.resolve6(name).catch(none)),
  ];
process.stdout.write(JSON.stringify(found));
