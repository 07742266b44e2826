import type { Command } from "commander";
import { fail } from "../errors.ts";
import { oneTimePassword } from "../server/passwords.ts";
import { asOwner } from "./as_owner.ts";
import { type AnswerOptions, answer, jsonOption } from "./output.ts";
import { aboutPassword, findOrMakeUser } from "./user.ts";

interface CreateOptions extends AnswerOptions {
  name?: string;
}

/** `landfall operator …`: the people above the tenants. */
export function registerOperator(program: Command): void {
  const operator = program
    .command("operator")
    .description(
      "Make, list and remove operators: they make and suspend tenants through the API, and read no row of any.",
    );
  operator
    .command("create")
    .description("Make a person an operator. Prints a one-time password where the person is new.")
    .argument("<email>", "the address that they sign in with")
    .option("--name <name>", "what people call them (the address where nothing is said)")
    .option(...jsonOption)
    .action(async (email: string, options: CreateOptions) => {
      const password = oneTimePassword();
      const made = await asOwner(async (client, { secretKey }) => {
        const person = { email, name: options.name ?? "", password, isOneTime: true, secretKey };
        const user = await findOrMakeUser(client, person);
        await client.query("insert into tenancy.operators (user_id) values ($1) on conflict (user_id) do nothing", [
          user.id,
        ]);
        return user;
      });
      const address = email.trim().toLowerCase();
      answer(options, { id: made.id, email: address, ...(made.isNew ? { oneTimePassword: password } : {}) }, [
        `${address} is an operator, and signs in with signIn(input: {…, asOperator: true}).`,
        aboutPassword(made.isNew ? password : undefined),
      ]);
    });
  operator
    .command("list")
    .description("List the operators.")
    .option(...jsonOption)
    .action(async (options: AnswerOptions) => {
      const operators = await asOwner(async (client) => {
        const { rows } = await client.query<{ email: string; name: string; since: Date }>(
          `select u.email, u.name, o.created_at as since
           from tenancy.operators o
           join tenancy.users u on u.id = o.user_id
           order by u.email`,
        );
        return rows;
      });
      answer(
        options,
        { operators },
        operators.length === 0
          ? ["There is none. Make one: landfall operator create <email>"]
          : operators.map(({ email, name, since }) => `${email}  since ${since.toISOString().slice(0, 10)}  ${name}`),
      );
    });
  operator
    .command("remove")
    .description(
      "Make an operator an ordinary person again. Their session above the tenants ends with the next statement.",
    )
    .argument("<email>", "the operator's address")
    .option(...jsonOption)
    .action(async (email: string, options: AnswerOptions) => {
      const address = email.trim().toLowerCase();
      await asOwner(async (client) => {
        const { rowCount } = await client.query(
          "delete from tenancy.operators o using tenancy.users u where u.id = o.user_id and u.email = $1",
          [address],
        );
        if (rowCount === 0) {
          fail("operator_unknown", `${address} is no operator.`, "`landfall operator list` names those there are.");
        }
      });
      answer(options, { email: address }, [`${address} is no operator any more.`]);
    });
}
