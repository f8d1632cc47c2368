"""The compact profile: rows and sparse factors as bytes of product quantisers, text as word pieces."""
