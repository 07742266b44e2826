declare module "s3rver" {
  /** The parts of s3rver that the tests use. */
  export default class S3rver {
    constructor(options: {
      port: number;
      address: string;
      silent: boolean;
      directory: string;
      configureBuckets: { name: string }[];
      vhostBuckets: boolean;
    });
    run(): Promise<{ port: number }>;
    close(): Promise<void>;
  }
}
