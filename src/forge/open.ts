import type { Forge } from './forge.ts';
import type { ForgeAccess, ForgeKind } from './settings.ts';

/** The clients, each loaded when it is needed. */
const CLIENTS: Readonly<Record<ForgeKind, (access: ForgeAccess) => Promise<Forge>>> = {
  github: async (access) => (await import('./github.ts')).github(access),
  gitlab: async (access) => (await import('./gitlab.ts')).gitlab(access),
  'azure-devops': async (access) => (await import('./azure-devops.ts')).azureDevops(access),
  gitea: async (access) => (await import('./gitea.ts')).gitea(access),
  bitbucket: async (access) => (await import('./bitbucket.ts')).bitbucket(access),
};

/** The client of a forge. @throws ConfigurationError for an unusable proxy or certificate authority */
export function openForge(kind: ForgeKind, access: ForgeAccess): Promise<Forge> {
  return CLIENTS[kind](access);
}
