import { testSeeds } from "./random_faults.ts";

testSeeds(1);
