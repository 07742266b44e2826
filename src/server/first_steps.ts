/** What GraphiQL shows to somebody who opens it for the first time. */
export const firstSteps = `# 1. Sign in. \`npm start\` wrote the sample people's passwords into .data/credentials.json.
mutation SignIn {
  signIn(input: { email: "editor@sample.example", password: "…" }) {
    token
    role
    tenant { slug }
  }
}

# 2. Open "Headers" below and send the token from now on:
#      { "authorization": "Bearer …" }

# 3. Ask.
query Journeys {
  clients(orderBy: NAME_ASC) {
    nodes {
      name
      journeys(orderBy: NAME_ASC) {
        nodes { id name status allowedTransitions touchpoints { totalCount } }
      }
    }
  }
}
`;
