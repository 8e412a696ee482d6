export interface RoomImport {
  readonly from: string;
  readonly to: string;
  /** Whether every import is of types alone, which leave nothing at run time. */
  readonly typesOnly: boolean;
  /** Relative to `src`. */
  readonly files: readonly string[];
}

export const ROOMS: readonly string[];
export function roomImports(folder: string): RoomImport[];
export function upwardImports(imports: readonly RoomImport[]): RoomImport[];
export function roomImportTables(imports: readonly RoomImport[]): string;
