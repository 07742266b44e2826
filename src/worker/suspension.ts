import { errorCode, errorMessage } from "../errors.ts";
import { errorCodes } from "../generated/error_codes.ts";

/** What a task logs with. */
interface TaskLogger {
  info(message: string): void;
}

/**
 * Works on a tenant's job. Where the tenant is suspended, before or meanwhile, the job ends here without a failure: what it serves is left as
 * it stands, and reactivation wakes it.
 */
export async function whileActive(logger: TaskLogger, work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (errorCode(error) !== errorCodes.tenant_suspended) throw error;
    logger.info(`let go: ${errorMessage(error)}`);
  }
}
