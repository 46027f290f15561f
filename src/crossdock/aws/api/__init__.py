"""Operations as declarations, one file a service. Nothing runs here."""
