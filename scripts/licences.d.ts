export interface ProductionPackage {
  readonly name: string;
  readonly version: string;
  readonly licence: string;
  readonly path: string;
  readonly integrity: string | undefined;
}

interface PackageLock {
  readonly packages: Readonly<
    Record<string, { version?: string; license?: string; dev?: boolean; integrity?: string }>
  >;
}

export function productionPackages(lock: PackageLock): ProductionPackage[];
export function licencesDocument(lock: PackageLock): string;
export function licenceTexts(lock: PackageLock): string;
