"""What agents in a workstation may ask: the Model Context Protocol (`nodulus mcp`)."""
