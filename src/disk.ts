/** How much room there is on disks. */
import { statfs } from "node:fs/promises";
import { fail } from "./errors.ts";

/** A disk, and how much of it is to stay free. */
export interface Disk {
  /** A folder on it. */
  folder: string;
  /** In bytes. */
  reserve: number;
}

/** How many bytes may still be written to the disk of a folder. */
export async function freeSpace(folder: string): Promise<number> {
  const { bavail, bsize } = await statfs(folder);
  return bavail * bsize;
}

/**
 * @param bytes at most as many as will be written
 * @param what is written, and what to do where there is no room, each as people read it
 * @throws LandfallError `disk_full` where the disk of a folder has less room
 */
export async function needRoom(folder: string, bytes: number, what: string, wayOut: string): Promise<void> {
  const free = await freeSpace(folder);
  if (free >= bytes) return;
  fail(
    "disk_full",
    `${what} takes up to ${sizeInWords(bytes)}, and ${sizeInWords(free)} are free on the disk of ${folder}.`,
    wayOut,
  );
}

/**
 * @param what would be written, and what to do where there is no room, each as people read it who need not know where the disk is
 * @throws LandfallError `disk_full` where less than the reserve is free
 */
export async function keepReserve({ folder, reserve }: Disk, what: string, wayOut: string): Promise<void> {
  const free = await freeSpace(folder);
  if (free >= reserve) return;
  fail(
    "disk_full",
    `${what} leave ${sizeInWords(reserve)} of the database's disk to everything else, and ${sizeInWords(free)} are free.`,
    wayOut,
  );
}

/** A size as people say it. */
export function sizeInWords(bytes: number): string {
  if (bytes >= 1e9) return `${(bytes / 1e9).toFixed(1)} GB`;
  return bytes >= 1e6 ? `${Math.round(bytes / 1e6)} MB` : `${Math.ceil(bytes / 1e3)} kB`;
}
