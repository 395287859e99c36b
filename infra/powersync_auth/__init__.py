"""PowerSync authentication on AWS: the component `PowerSyncAuth`, and what it is made of."""
